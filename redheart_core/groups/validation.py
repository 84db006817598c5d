"""A group's results on a split, through a code path that no training step shares."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import attrs
import torch
from torch import Tensor

from redheart_core.contract.errors import DataError
from redheart_core.data.batch import Batch
from redheart_core.data.batches import BatchSource
from redheart_core.data.lower_outputs import LowerOutputs
from redheart_core.groups.ensemble import Ensemble
from redheart_core.groups.figures import Limits, group_figures
from redheart_core.groups.group_module import Answering
from redheart_core.groups.objective import Terms, contributions, loss_terms, record_losses
from redheart_core.groups.serving import serves

Observe = Callable[[Tensor, Batch, Mapping[str, Tensor]], None]
"""Sees the row numbers of a batch, the batch, and all outputs of a group, "node.output" to (B, *shape)."""


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
    have none of the group's targets, or that it does not serve, which are not answered."""
    spreads: dict[str, Tensor]
    """The same of the standard deviation over the members of an ensemble; empty for one checkpoint."""

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
    observe: Observe | None = None,
) -> SplitResult:
    """Losses, metrics and predictions of a group on some records.

    Thresholds of labels that are 0 or 1 are chosen, unless given ("node.output" to one per label), on these records,
    and on the training records of a group that was fitted in closed form, as far as it has honest answers for them.

    The same weights, rows and number of threads give the same bits, whoever calls.

    Args:
        module: The group with its weights.
        source: The records, and the outputs that the group reads.
        rows: Of one split.
        thresholds: Those that were chosen on other records.
        observe: Sees each batch of the records that are evaluated (evaluated_in), with all outputs.

    Raises:
        DataError: No record has a target of the group.
    """
    evaluated = [
        (f"{node}.{metric.output}", metric.target)
        for node, objective in module.objectives.items()
        for metric in objective.metrics
    ]
    kept: dict[str, list[Tensor]] = {name: [] for name, _ in evaluated}
    apart: dict[str, list[Tensor]] = {name: [] for name in kept} if isinstance(module, Ensemble) else {}
    collected: dict[tuple[str, int], list[tuple[Tensor, Tensor]]] = {}
    inputs = source.fields(rows, module.group.inputs)
    known = evaluated_in(module, source, rows)
    if not bool(known.any()):
        names = ", ".join(module.group.targets)
        spoken = f" in {', '.join(module.group.languages)}" if module.group.languages else ""
        raise DataError(f"none of {len(rows)} records of this split{spoken} has any of {names}, which the group learns")
    order = list(source.fixed_order(rows[known], module.group.inputs))
    module.eval()
    for part in order:
        batch = source.batch(part, module.group.inputs)
        if isinstance(module, Ensemble):
            outputs, spreads = module.with_disagreement(batch)
        else:
            outputs, spreads = module(batch), {}
        for key, (present, losses) in record_losses(module, outputs, batch, evaluated_only=True).items():
            collected.setdefault(key, []).append((present.cpu(), losses.cpu()))
        if observe is not None:
            observe(part, batch, outputs)
        for name, tensors in kept.items():
            tensors.append(outputs[name].cpu())
        for name, tensors in apart.items():
            tensors.append(spreads[name].cpu())
    terms: Terms = {
        key: (torch.cat([present for present, _ in parts]), torch.cat([losses for _, losses in parts]))
        for key, parts in collected.items()
    }
    losses = contributions(module, terms)
    back = torch.cat(order).argsort()

    def of_all(parts: Mapping[str, list[Tensor]]) -> dict[str, Tensor]:
        return {name: _spread(torch.cat(tensors)[back], known, math.nan) for name, tensors in parts.items()}

    predictions = of_all(kept)
    targets = {target: source.store.target(target)[rows] for _, target in evaluated}
    honest = _honest(module, source, evaluated) if thresholds is None else {}
    figures = group_figures(module, predictions, targets, inputs, thresholds, honest)
    scaled = losses[back] * (len(known) / len(losses))
    return SplitResult(
        losses=_spread(scaled, known, 0.0),
        metrics=figures.values,
        undefined=figures.undefined,
        thresholds=figures.thresholds,
        predictions=predictions,
        spreads=of_all(apart),
    )


def evaluated_in(module: Answering, source: BatchSource, rows: Tensor) -> Tensor:
    """Which of some rows the group is evaluated on: those with a target of it, in a language that it serves."""
    languages = source.store.language_numbers[rows]
    return source.has_any_target(rows, module.group.targets) & serves(module.group, languages)


def asked_in(source: BatchSource, rows: Tensor, fields: Sequence[str]) -> Tensor:
    """Which of some rows have any of the fields; all if there are none."""
    return source.has_any_target(rows, fields) if fields else torch.ones(len(rows), dtype=torch.bool)


def _honest(
    module: Answering, source: BatchSource, evaluated: Sequence[tuple[str, str]]
) -> dict[str, tuple[Tensor, Tensor]]:
    """Honest answers with their targets, NaN where there is no honest answer, for "node.output" with a target each."""
    if module.honest is None:
        return {}
    rows, found = module.honest.rows, dict[str, tuple[Tensor, Tensor]]()
    for name, target in evaluated:
        if name in module.honest.answers:
            answers = module.honest.answers[name]
            found[name] = answers, source.store.target(target)[rows].masked_fill(answers.isnan(), math.nan)
    return found


def _spread(tensor: Tensor, known: Tensor, rest: float) -> Tensor:
    """The rows that are known, (n, *shape), among all, (N, *shape)."""
    if bool(known.all()):
        return tensor
    full = tensor.new_full((len(known), *tensor.shape[1:]), rest)
    full[known] = tensor
    return full


@torch.no_grad()
def compute_outputs(
    module: Answering,
    source: BatchSource,
    rows: Tensor,
    names: Sequence[str],
    into: LowerOutputs | None = None,
    fields: Sequence[str] = (),
    rest: bool = True,
) -> LowerOutputs:
    """Outputs of a finished group for the groups above it; honest answers where its fits gave some.

    Records share a batch with others of similar length, so that what is said of one may depend in its last bits on
    the rows that it is computed with. The same rows give the same bits.

    Args:
        module: The group with its weights.
        source: The records, and the outputs that the group reads.
        rows: Of one split.
        names: "node.output" of the group.
        into: What is added to; new if left out.
        fields: Records that have any of them come before the others, in batches of their own.
        rest: Ask the others too; otherwise their outputs are absent (NaN), not for outputs with chunks.
    """
    module.eval()
    outputs = new_outputs(module, source, names) if into is None else into
    asked, append = asked_in(source, rows, fields), appending(module, outputs, names)
    if not rest:
        append_absent(module, outputs, rows[~asked], names)
    for some in (rows[asked], rows[~asked]) if rest else (rows[asked],):
        for part in source.fixed_order(some, module.group.inputs) if len(some) else ():
            batch = source.batch(part, module.group.inputs)
            append(part, batch, module(batch))
    return outputs


def new_outputs(module: Answering, source: BatchSource, names: Sequence[str], identity: str = "") -> LowerOutputs:
    """Some outputs of a group, of no record yet."""
    chunked = [name for name in names if "T" in module.shapes[name]]
    return LowerOutputs(source.store.chunk_counts, chunked, identity)


def appending(module: Answering, outputs: LowerOutputs, names: Sequence[str]) -> Observe:
    """What adds some of a group's answers to outputs; honest ones where its fits gave some."""

    def append(rows: Tensor, batch: Batch, answers: Mapping[str, Tensor]) -> None:
        kept: dict[str, Tensor] = {}
        for name in names:
            kept[name] = answers[name][batch.inputs["mask"]] if name in outputs.chunked else answers[name]
            if module.honest is not None:
                kept[name] = module.honest.replace(name, rows, kept[name])
        outputs.append(rows, kept)

    return append


def append_absent(module: Answering, outputs: LowerOutputs, rows: Tensor, names: Sequence[str]) -> None:
    """Add NaN for records that are not asked, of which there may be none; not for outputs with chunks."""
    if len(rows):
        sizes = {name: (len(rows), *map(int, module.shapes[name])) for name in names}
        outputs.append(rows, {name: torch.full(size, math.nan) for name, size in sizes.items()})


def has_objective(module: Answering) -> bool:
    """Whether the group learns anything; a group of calculators does not."""
    return any(True for _ in loss_terms(module))
