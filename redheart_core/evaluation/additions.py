"""What each checkpoint group adds to a fusion: it is fitted again without its answers, nothing else is trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import attrs
import torch
from torch import Tensor

from redheart_core.contract.errors import DataError
from redheart_core.exact.bootstrap import Draws, interval
from redheart_core.exact.interval import Interval
from redheart_core.groups.active import ActiveNode
from redheart_core.groups.group import Group
from redheart_core.groups.leaving_out import fusion_alone, leave_out
from redheart_core.inspection.baselines import constant_baseline
from redheart_core.models.answering import is_fusion, validation_losses
from redheart_core.runs.run import RunFolder
from redheart_core.storage.runtime import generator
from redheart_core.training.context import TrainingContext
from redheart_core.training.cross_fitting import cross_fitted
from redheart_core.training.progress import load_fixed

Progress = Callable[[str, int, int], None]


@attrs.frozen
class Addition:
    """A group's part in the fused answer on a field."""

    group: str
    field: str
    fusion: str
    members: int
    """Answers that the fusion has with the group."""
    records: int
    """Validation records that have the field."""
    loss: float
    """Mean loss of the fusion with the group."""
    gain: Interval
    """The share of the loss without the group that the group takes away, in percent, paired record by record. Where it
    alone answers the field, without it stands for the constant predictor."""


def measure_additions(run: RunFolder, context: TrainingContext, progress: Progress | None = None) -> list[Addition]:
    """Leave each group out of the fusion of each field that it answers.

    All answers are of validation records, each by weights of the fusion that have not seen the record; the test split
    is not read. Of several fusions of a field that of the least loss counts. Groups that read the one that is left out
    stay as they are: what is measured is its own answer.

    Args:
        run: A run.
        context: Of its finished groups.
        progress: Called now and then.

    Raises:
        DataError: No fusion gathers anything, or the validation records are too few to evaluate its weights.
        CheckpointError: A file is damaged.
    """
    if not any(is_fusion(node) for node in context.nodes):
        raise DataError("no fusion is finished in this run, so that no module adds to one; train with --enable NAME")
    _answer(run, context)
    return additions_in(context, progress)


@torch.no_grad()
def additions_in(context: TrainingContext, progress: Progress | None = None) -> list[Addition]:
    """The same of a context that holds what its groups answer on the records that training may see.

    Args:
        context: Of groups with a fusion among them.
        progress: Called now and then.

    Raises:
        DataError: The validation records are too few to evaluate the fusions' weights.
    """
    fusions = [(group, node) for group in context.groups for node in group.nodes if is_fusion(node)]
    whole = _fused_losses(context, fusions)
    source = _Leaving(context)
    answering = list(_answering(context, {field: node for field, (_, node, _) in whole.items()}))
    found = []
    for number, (name, fields) in enumerate(answering):
        if progress:
            progress("without a group", number, len(answering))
        for field in fields:
            group, node, losses = whole[field]
            found.append(source.addition(name, field, group, node, losses))
    return found


def _answer(run: RunFolder, context: TrainingContext) -> None:
    """Every group at its best epoch on the records that training may see."""
    for group in context.groups:
        module = context.module(group)
        load_fixed(run, group, module)
        context.add_outputs(group, module)


def _fused_losses(
    context: TrainingContext, fusions: Sequence[tuple[Group, ActiveNode]]
) -> dict[str, tuple[Group, ActiveNode, Tensor]]:
    """Field to its best fusion, with the loss of each validation record."""
    found: dict[str, tuple[Group, ActiveNode, Tensor]] = {}
    for group, node in fusions:
        for field, losses in _losses(context, group, node).items():
            if field not in found or losses.nanmean() < found[field][2].nanmean():
                found[field] = group, node, losses
    return dict(sorted(found.items()))


def _losses(context: TrainingContext, group: Group, node: ActiveNode) -> dict[str, Tensor]:
    """The cross-fitted loss of each validation record by field."""
    alone = fusion_alone(group, node)
    outputs = cross_fitted(context, alone, [f"{node.name}.{field}" for field in node.spec.gathers])
    module = context.module(alone)
    return {
        field: validation_losses(context, module, node.name, field, outputs[f"{node.name}.{field}"])
        for field in node.spec.gathers
    }


def _answering(context: TrainingContext, fusions: Mapping[str, ActiveNode]) -> Iterator[tuple[str, list[str]]]:
    """The groups that answer something fused, with the fields."""
    for group in context.groups:
        own = {node.name for node in group.nodes}
        fields = [
            field
            for field, fusion in fusions.items()
            if any(read.partition(".")[2] == field and read.partition(".")[0] in own for read in fusion.spec.reads)
        ]
        if fields:
            yield group.name, fields


class _Leaving:
    """Fits fusions without one group, and compares."""

    def __init__(self, context: TrainingContext) -> None:
        self.context = context
        self.rows = context.store.rows("validation")
        self.draws = Draws(context.store.clusters_of(self.rows), generator("bootstrap", len(self.rows)))

    def addition(self, name: str, field: str, group: Group, node: ActiveNode, losses: Tensor) -> Addition:
        """What a group adds to the fusion of a field that has these losses with it."""
        own = {one.name for other in self.context.groups if other.name == name for one in other.nodes}
        members = [read for read in node.spec.reads if read.partition(".")[2] == field]
        left_out = [read for read in members if read.partition(".")[0] in own]
        without = leave_out(node, left_out, {field})
        if without is None:
            store = self.context.store
            constant = constant_baseline(store, store.fields[field], len(self.rows))
            module = self.context.module(fusion_alone(group, node))
            others = validation_losses(self.context, module, node.name, field, constant)
        else:
            others = _losses(self.context, group, without)[field]
        used = ~losses.isnan()
        whole = torch.arange(len(losses))[used]

        def share(sample: Tensor) -> float | None:
            base = float(others[sample].mean())
            return 100 * (base - float(losses[sample].mean())) / base if base > 0 else None

        value = share(whole)
        if value is None:
            gain = Interval.undefined("without the group nothing is lost")
        else:
            gain = interval(value, self.draws.apply(used, share))
        return Addition(
            group=name,
            field=field,
            fusion=node.name,
            members=len(members),
            records=len(whole),
            loss=float(losses[used].mean()),
            gain=gain,
        )


def above_nothing(additions: Sequence[Addition]) -> dict[str, bool]:
    """Group to whether it adds something to some field beyond the 95 % interval."""
    found: dict[str, bool] = {}
    for one in additions:
        found[one.group] = found.get(one.group, False) or one.gain.is_above(0.0)
    return found


def additions_table(additions: Sequence[Addition]) -> str:
    """As Markdown: a row for each group, a column for each field."""
    fields = sorted({one.field for one in additions})
    cells = {(one.group, one.field): one for one in additions}
    adds = above_nothing(additions)
    lines = ["| without | " + " | ".join(fields) + " | adds |", "|---" * (len(fields) + 2) + "|"]
    for group in adds:
        row = [_cell(cells.get((group, field))) for field in fields]
        lines.append(f"| {group} | {' | '.join(row)} | {'yes' if adds[group] else 'no'} |")
    first = {field: next(one for one in additions if one.field == field) for field in fields}
    losses = [f"{one.loss:.4f} ({one.fusion} of {one.members})" for one in first.values()]
    lines.append(f"| loss of all | {' | '.join(losses)} | |")
    return "\n".join(lines) + "\n"


def _cell(one: Addition | None) -> str:
    if one is None:
        return ""
    if one.gain.value is None:
        return "-"
    if one.gain.low is None or one.gain.high is None:
        return f"{one.gain.value:+.2f}"
    only = " (the only answer)" if one.members == 1 else ""
    return f"{one.gain.value:+.2f} [{one.gain.low:+.2f}, {one.gain.high:+.2f}]{only}"
