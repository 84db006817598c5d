"""What a group's outputs lose: losses record by record, and the scalar that training descends."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from redheart_core.contract.errors import DataError, ShapeError
from redheart_core.contract.nodes import LossTerm, Objective
from redheart_core.contract.tensors import has_any
from redheart_core.data.batch import Batch
from redheart_core.groups.active import ActiveNode
from redheart_core.groups.binding import addend
from redheart_core.groups.plugin_calls import lending
from redheart_core.groups.serving import serves

if TYPE_CHECKING:
    from redheart_core.groups.group_module import Answering

Terms = dict[tuple[str, int], tuple[Tensor, Tensor]]
"""(node, number of its loss term) to which records have the target, (B,) bool, and their n losses, (n,)."""


def record_losses(
    module: Answering, outputs: Mapping[str, Tensor], batch: Batch, evaluated_only: bool = False
) -> Terms:
    """Every loss term of a group for the records of a batch that have its target.

    Args:
        module: The group.
        outputs: What it gave on the batch.
        batch: The records.
        evaluated_only: Leave out the terms that only shape training (shapes_training).

    Raises:
        DataError: A plugin's loss fails.
        ShapeError: A loss does not give one number per record.
        PluginError: A loss changes what it is given.
    """
    terms: Terms = {}
    for node, number, term in loss_terms(module):
        if evaluated_only and shapes_training(node, module.objectives[node.name], term):
            continue
        target, prediction = find_target(module, term.target, outputs, batch), outputs[f"{node.name}.{term.output}"]
        present = ~target.isnan()
        rows = evaluated_rows(module, node.name, target, batch.inputs)
        # copies, as a loss that writes past torch, through NumPy or .data, must not change what others read
        prediction = prediction.clone() if bool(rows.all()) else prediction[rows]
        target, present = target[rows], present[rows]
        if len(target):
            lent = {"prediction": prediction, "target": target, "present": present}
            with lending(node.name, f"loss on '{term.target}'", lent, error=DataError):
                losses = term.function(prediction, target, present)
        else:
            losses = prediction.new_zeros(0)
        if losses.shape != (len(target),):
            raise ShapeError(
                f"plugin '{node.name}': the loss on '{term.target}' has to give one number per record, "
                f"({len(target)},), got {tuple(losses.shape)}"
            )
        terms[node.name, number] = rows, losses
    return terms


def evaluated_rows(module: Answering, node: str, target: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
    """Records that the group serves and that have the target and the fields without which the node cannot evaluate
    them: (B,) bool."""
    rows = has_any(target)
    for field in module.group.requires.get(node, ()):
        rows = rows & has_any(inputs[field])
    return rows & serves(module.group, inputs["language"]) if module.group.languages else rows


def find_target(module: Answering, name: str, outputs: Mapping[str, Tensor], batch: Batch) -> Tensor:
    """What a loss term aims at: a field, or a tensor of the batch without gradient, NaN at padded chunks."""
    if name in batch.targets:
        return batch.targets[name]
    tensor = (outputs[name] if name in outputs else batch.inputs[name]).detach()
    shape = module.shapes[name]
    if "T" in shape:
        mask = batch.inputs["mask"]
        axis = 1 + shape.index("T")
        wide = mask.reshape(len(mask), *(mask.shape[1] if place == axis else 1 for place in range(1, tensor.dim())))
        tensor = tensor.masked_fill(~wide, float("nan"))
    return tensor


def training_loss(
    module: Answering, outputs: Mapping[str, Tensor], batch: Batch, counts: Mapping[tuple[str, int], int] | None = None
) -> Tensor | None:
    """The scalar that a group descends: weighted means over present records, plus penalties.

    None if no record of the batch has any of the group's targets.

    Args:
        module: The group.
        outputs: What it gave on the batch.
        batch: The records.
        counts: Of a larger batch that this one is a part of (term_counts): how many records each mean is over, so that
            the parts add up to the loss of the whole but for its penalties, which are of a whole batch.
    """
    terms = record_losses(module, outputs, batch)
    total: Tensor | None = None
    for node, number, term in loss_terms(module):
        _, losses = terms[node.name, number]
        if len(losses):
            mean = losses.mean() if counts is None else losses.sum() / counts[node.name, number]
            part = mean * (term.weight * node.loss_weight)
            total = part if total is None else total + part
    if total is None:
        return None
    for penalty in penalties(module, outputs) if counts is None else ():
        total = total + penalty
    return total


def penalties(module: Answering, outputs: Mapping[str, Tensor]) -> Iterator[Tensor]:
    """What each node's penalty adds to the loss of a batch, () float32.

    Args:
        module: The group.
        outputs: What it gave on the whole batch, those of penalised_outputs at least.
    """
    for node, penalty in _penalised(module):
        own = {name: outputs[f"{node.name}.{name}"].clone() for name in module.group.wanted(node)}
        with lending(node.name, "penalty", own, error=DataError):
            value = penalty(dict(own))
        yield value * node.loss_weight


def penalised_outputs(module: Answering) -> list[str]:
    """The outputs that penalties look at, sorted; none if the group has no penalty."""
    return sorted(f"{node.name}.{name}" for node, _ in _penalised(module) for name in module.group.wanted(node))


def _penalised(module: Answering) -> Iterator[tuple[ActiveNode, Callable[[Mapping[str, Tensor]], Tensor]]]:
    for node in module.group.nodes:
        objective = module.objectives.get(node.name)
        if objective is not None and objective.penalty is not None:
            yield node, objective.penalty


def term_counts(module: Answering, batch: Batch) -> dict[tuple[str, int], int]:
    """Over how many records of a batch the mean of each loss term is, known before anything is computed."""
    counts = {}
    for node, number, term in loss_terms(module):
        outputs = {}
        if term.target not in batch.targets and term.target not in batch.inputs:  # an output, of finite numbers
            sizes = [batch.chunks if size == "T" else int(size) for size in module.shapes[term.target]]
            outputs = {term.target: torch.zeros(batch.size, *sizes, device=batch.inputs["mask"].device)}
        target = find_target(module, term.target, outputs, batch)
        counts[node.name, number] = int(evaluated_rows(module, node.name, target, batch.inputs).sum())
    return counts


def contributions(module: Answering, terms: Terms) -> Tensor:
    """What each record adds to the group's loss, (N,) float64, so that their mean is the loss.

    A term that only n of N records have counts N / n for each of them.

    Raises:
        DataError: A term has no record at all.
    """
    total = torch.zeros(0, dtype=torch.float64)
    for node, number, term in loss_terms(module):
        if (node.name, number) not in terms:
            continue
        rows, losses = terms[node.name, number]
        if not len(losses):
            raise DataError(f"no record of this split has '{term.target}', which plugin '{node.name}' needs")
        if not len(total):
            total = torch.zeros(len(rows), dtype=torch.float64)
        total[rows] += losses.double() * (term.weight * node.loss_weight * len(rows) / len(losses))
    return total


def shapes_training(node: ActiveNode, objective: Objective, term: LossTerm) -> bool:
    """Whether a loss term only helps to learn a field that another output of the node answers.

    What the node answers on a field is evaluated by the losses on that answer. Those on other outputs with the same
    target (levels, views, members of an ensemble) say nothing of it.
    """
    answer = {term.target, addend(node.spec, term.target)}
    return term.output not in answer and any(
        other.target == term.target and other.output in answer for other in objective.losses
    )


def loss_terms(module: Answering) -> Iterator[tuple[ActiveNode, int, LossTerm]]:
    """All loss terms of a group in a fixed order."""
    for node in module.group.nodes:
        objective = module.objectives.get(node.name)
        for number, term in enumerate(objective.losses if objective else ()):
            yield node, number, term
