"""A group's results on a split, through a code path that no training step shares."""

from __future__ import annotations

import math
from collections.abc import Mapping

import attrs
import torch
from torch import Tensor

from redheart_core.contract.errors import DataError
from redheart_core.data.batches import BatchSource, LowerOutputs
from redheart_core.data.spool import Spool
from redheart_core.groups.figures import Limits, group_figures
from redheart_core.groups.group_module import Answering
from redheart_core.groups.objective import Terms, contributions, loss_terms, record_losses


@attrs.frozen(eq=False)
class SplitResult:
    """What a group does on some records."""

    losses: Tensor
    """(N,) float64: what each record adds to the loss, 0 if it has none of the group's targets; the loss is their
    mean."""
    metrics: dict[str, float | None]
    """By "node.metric"; None where the figure is undefined on these records."""
    undefined: dict[str, str]
    """By "node.metric": why it has no value."""
    thresholds: dict[str, Limits]
    """"node.output" to one threshold per label, for outputs whose labels are 0 or 1."""
    predictions: dict[str, Tensor]
    """"node.output" to (N, *shape) for the outputs that have metrics, in the order of the rows; NaN for records that
    have none of the group's targets, which are not answered."""

    @property
    def loss(self) -> float:
        return float(self.losses.mean())

    @property
    def finite(self) -> bool:
        """Whether the loss is a number; metrics that are undefined are not the group's fault."""
        return math.isfinite(self.loss)


@torch.no_grad()  # inference mode counts no writes, see lending
def evaluate(
    module: Answering,
    source: BatchSource,
    rows: Tensor,
    thresholds: Mapping[str, Limits] | None = None,
) -> SplitResult:
    """Losses, metrics and predictions of a group on some records.

    Thresholds of labels that are 0 or 1 are chosen on these records, unless given: "node.output" to
    one per label.

    The same weights, rows and number of threads give the same bits, whoever calls.
    """
    evaluated = [
        (f"{node}.{metric.output}", metric.target)
        for node, objective in module.objectives.items()
        for metric in objective.metrics
    ]
    kept: dict[str, list[Tensor]] = {name: [] for name, _ in evaluated}
    collected: dict[tuple[str, int], list[tuple[Tensor, Tensor]]] = {}
    known = source.has_any_target(rows, module.group.targets)
    if not bool(known.any()):
        names = ", ".join(module.group.targets)
        raise DataError(f"none of {len(rows)} records of this split has any of {names}, which the group learns")
    order = list(source.fixed_order(rows[known], module.group.inputs))
    module.eval()
    for part in order:
        batch = source.batch(part, module.group.inputs)
        outputs = module(batch)
        for key, (present, losses) in record_losses(module, outputs, batch, evaluated_only=True).items():
            collected.setdefault(key, []).append((present.cpu(), losses.cpu()))
        for name, tensors in kept.items():
            tensors.append(outputs[name].cpu())
    terms: Terms = {
        key: (torch.cat([present for present, _ in parts]), torch.cat([losses for _, losses in parts]))
        for key, parts in collected.items()
    }
    losses = contributions(module, terms)
    back = torch.cat(order).argsort()
    predictions = {name: _spread(torch.cat(tensors)[back], known, math.nan) for name, tensors in kept.items()}
    targets = {target: source.store.target(target)[rows] for _, target in evaluated}
    inputs = source.fields(rows, module.group.inputs)
    figures = group_figures(module, predictions, targets, inputs, thresholds)
    scaled = losses[back] * (len(known) / len(losses))
    return SplitResult(_spread(scaled, known, 0.0), figures.values, figures.undefined, figures.thresholds, predictions)


def _spread(tensor: Tensor, known: Tensor, rest: float) -> Tensor:
    """The rows that are known, (n, *shape), among all, (N, *shape)."""
    if bool(known.all()):
        return tensor
    full = tensor.new_full((len(known), *tensor.shape[1:]), rest)
    full[known] = tensor
    return full


@torch.no_grad()
def compute_outputs(module: Answering, source: BatchSource, rows: Tensor, names: tuple[str, ...]) -> LowerOutputs:
    """Outputs of a finished group for the groups above it, kept on disk; honest answers where its fits gave some."""
    module.eval()
    spools: dict[str, Spool] = {}
    chunked = {name for name in names if "T" in module.shapes[name]}
    # one record after another in ascending order: what is stored must not depend on neighbours
    for part in torch.split(rows, source.batch_size):
        batch = source.batch(part, module.group.inputs)
        outputs = module(batch)
        for name in names:
            tensor = outputs[name][batch.inputs["mask"]] if name in chunked else outputs[name]
            if module.honest is not None:
                tensor = module.honest.replace(name, part, tensor)
            numbers = tensor.cpu().numpy()
            spool = spools.setdefault(name, Spool(numbers.dtype, numbers.shape[1:]))
            spool.append(numbers)
    tensors = {name: torch.from_numpy(spool.array()) for name, spool in spools.items()}
    return LowerOutputs(rows, source.store.chunk_counts, tensors, chunked)


def has_objective(module: Answering) -> bool:
    """Whether the group learns anything; a group of calculators does not."""
    return any(True for _ in loss_terms(module))
