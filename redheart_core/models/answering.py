"""Which node's answer on a field is that of the model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from redheart_core.contract.errors import DataError
from redheart_core.groups.active import ActiveNode
from redheart_core.groups.binding import quantile_output
from redheart_core.groups.group import Group
from redheart_core.groups.group_module import Answering
from redheart_core.groups.objective import evaluated_rows
from redheart_core.groups.validation import SplitResult
from redheart_core.models.manifest import AnswerSource
from redheart_core.nn.answer_losses import answer_losses
from redheart_core.training.context import TrainingContext
from redheart_core.training.cross_fitting import cross_fitted


def answer_outputs(module: Answering) -> dict[str, str]:
    """Answers of a group, in the shape of the field that they are evaluated against, and the quantiles beside them:
    "node.output" to the field."""
    nodes = {node.name: node for node in module.group.nodes}
    found = dict[str, str]()
    for name, objective in module.objectives.items():
        for field, output in {(one.target, one.output): None for one in objective.metrics if one.shape is None}:
            beside = quantile_output(nodes[name].spec, field)
            found |= {f"{name}.{one}": field for one in (output, beside) if one is not None}
    return found


def rank_answers(
    context: TrainingContext, modules: Mapping[str, Answering], results: Mapping[str, SplitResult]
) -> dict[str, tuple[AnswerSource, ...]]:
    """For each field, by name, the nodes that answer it.

    Fusions come first, by the loss of their cross-fitted answers, then all others by their validation loss; of equals
    the first by name. Whatever is evaluated against a field in the field's own shape answers it.

    Args:
        context: Whose groups have validated and whose outputs are there.
        modules: By group.
        results: By group, of the validation split.
    """
    found: dict[str, list[AnswerSource]] = {}
    for group in context.groups:
        if group.name not in results:
            continue
        module, fused = modules[group.name], fused_outputs(group)
        given: dict[str, Tensor | None] = {**results[group.name].predictions, **_honest(context, group, fused)}
        for node, objective in module.objectives.items():
            answers = (metric for metric in objective.metrics if metric.shape is None)
            for output, target in dict.fromkeys((metric.output, metric.target) for metric in answers):
                name = f"{node}.{output}"
                loss, records = _mean_loss(context, module, node, target, given[name])
                spoken = _languages(context, _evaluated(context, module, node, target))
                found.setdefault(target, []).append(AnswerSource(node, output, name in fused, loss, records, spoken))
    return {field: tuple(sorted(sources, key=_order)) for field, sources in sorted(found.items())}


def _order(source: AnswerSource) -> tuple[bool, bool, float, str, str]:
    return not source.fused, source.loss is None, source.loss or 0.0, source.plugin, source.output


def _honest(context: TrainingContext, group: Group, names: Sequence[str]) -> Mapping[str, Tensor | None]:
    """Cross-fitted answers, None where the records are too few for them."""
    try:
        return cross_fitted(context, group, names) if names else {}
    except DataError:
        return dict.fromkeys(names)


def _mean_loss(
    context: TrainingContext, module: Answering, node: str, field: str, answer: Tensor | None
) -> tuple[float | None, int]:
    """The mean loss of an answer that is there, and the number of records that have one."""
    if answer is None:
        return None, 0
    losses = validation_losses(context, module, node, field, answer)
    known = losses[~losses.isnan()]
    return (float(known.mean()) if len(known) else None), len(known)


def _languages(context: TrainingContext, evaluated: Tensor) -> dict[str, int]:
    """How many of the validation records that are evaluated are in each language."""
    codes = context.store.codes(context.store.rows("validation")[evaluated])
    return dict(sorted(Counter(codes).items()))


def is_fusion(node: ActiveNode) -> bool:
    """Whether a node gives one answer out of those that it gathers; a member of a committee may gather and does not."""
    return node.kind == "fusion" and bool(node.spec.gathers)


def fused_outputs(group: Group) -> tuple[str, ...]:
    """The "node.output" of the fusions of a group."""
    fusions = (node for node in group.nodes if is_fusion(node))
    return tuple(f"{node.name}.{field}" for node in fusions for field in node.spec.gathers if node.spec.answers(field))


def validation_losses(context: TrainingContext, module: Answering, node: str, field: str, answer: Tensor) -> Tensor:
    """The loss of an answer on each validation record, (N,) float64; NaN where there is no target or no answer."""
    target = context.store.target(field)[context.store.rows("validation")]
    losses = answer_losses(context.store.fields[field], answer, target)
    return torch.where(_evaluated(context, module, node, field), losses, torch.nan)


def _evaluated(context: TrainingContext, module: Answering, node: str, field: str) -> Tensor:
    """Validation records that a node is evaluated on against a field: (N,) bool."""
    rows = context.store.rows("validation")
    target = context.store.target(field)[rows]
    return evaluated_rows(module, node, target, context.source.fields(rows, module.group.inputs))
