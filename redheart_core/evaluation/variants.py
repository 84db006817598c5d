"""The ways to make one model of a run's epochs that the test split compares, and their predictions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import attrs
from torch import Tensor

from redheart_core.groups.figures import Limits
from redheart_core.groups.group import Group
from redheart_core.groups.group_module import Answering
from redheart_core.groups.validation import SplitResult, evaluate, has_objective
from redheart_core.runs.manifest import EpochEntry
from redheart_core.selection.common_epoch import scale
from redheart_core.selection.methods import GREEDY, METHODS, SELECTION, keep_greedily
from redheart_core.selection.picks import Pick, Pool
from redheart_core.selection.rivals import CHOSEN, Rivals
from redheart_core.selection.sweetspot import Sweetspot
from redheart_core.training.context import TrainingContext
from redheart_core.training.group_trainer import FAULTS
from redheart_core.training.trainable import SEEN

REFERENCE = "common epoch"
"""What everything is compared with: the one epoch for all groups that validation prefers."""
BEYOND_NOISE = "beyond noise"
"""The common epoch, but of the groups whose own best one is better beyond noise that."""


def variant_picks(
    rivals: Rivals,
    pools: Mapping[str, Pool],
    sweetspot: Sweetspot,
    model: Mapping[str, Pick],
    stopped: dict[str, str],
) -> Iterator[tuple[str, dict[str, Pick]]]:
    """Name and picks of each variant; the first one is the plain selection. If that was the only method, it stands
    beside the best common epoch and the one that is left beyond noise alone.

    Args:
        rivals: What compare_methods found.
        pools: Group to its checkpoints.
        sweetspot: The choices of all groups.
        model: The picks of the model that is evaluated; a variant of its own if they are not the selection.
        stopped: Gets the groups whose losses or metrics fail, with the reason.
    """
    selection = rivals.picks("selection")
    yield "crossover", selection
    if any(model[group].members != pick.members for group, pick in selection.items()):
        yield "model", dict(model)
    for name, rule in ((REFERENCE, "common"), (BEYOND_NOISE, "beyond_noise")):
        chosen = {group: entry for group, entry in sweetspot.chosen(rule).items() if group in selection}
        yield name, {group: Pick.single(name, entry) for group, entry in chosen.items()}
    if set(rivals.sums) == set(SELECTION):
        return
    yield "last epoch", {group: Pick.single("last epoch", pools[group].epochs[-1]) for group in selection}
    chosen_from = {group: pools[group] for group in selection}
    if all(pool.affords(GREEDY) for pool in chosen_from.values()):
        yield "common soup", _common_soup(chosen_from, stopped)
    for method in METHODS:
        if method != "selection" and any(method in found for found in rivals.table.values()):
            yield method, rivals.picks(method)
    yield CHOSEN, rivals.picks(CHOSEN)


def _common_soup(pools: Mapping[str, Pool], stopped: dict[str, str]) -> dict[str, Pick]:
    """Greedy soup of the whole model: the same epochs of every group, kept if the mean relative loss falls."""
    pools = {group: pool for group, pool in pools.items() if group not in stopped}
    if not pools:
        return {}
    shared = sorted(set.intersection(*({entry.epoch for entry in pool.epochs} for pool in pools.values())))
    entries = {group: {entry.epoch: entry for entry in pool.epochs} for group, pool in pools.items()}

    def picks(epochs: Sequence[int]) -> dict[str, Pick]:
        return {group: Pick.mixed("common soup", [entries[group][epoch] for epoch in epochs]) for group in pools}

    units = {group: float(scale(pool.ranked[0].validation_loss)) for group, pool in pools.items()}

    def loss(epochs: Sequence[int]) -> float:
        ratios = []
        for group, pick in picks(epochs).items():
            try:
                ratios.append(float(pools[group].losses(pick).mean() / units[group]))
            except FAULTS as fault:
                stopped[group] = str(fault)
                raise
        return sum(ratios) / len(ratios)

    try:
        return picks(keep_greedily(sorted(shared, key=lambda epoch: loss([epoch])), loss))
    except FAULTS:
        return _common_soup(pools, stopped)  # without the group that failed


@attrs.frozen(eq=False)
class Predicted:
    """What a variant does on the test split."""

    results: Mapping[str, SplitResult]
    """By group."""
    refits: Mapping[str, tuple[float, float]]
    """Validation loss of each group that was fitted again, before and after."""

    @property
    def predictions(self) -> dict[str, Tensor]:
        """ "node.output" to (N, *shape)."""
        return {name: tensor for result in self.results.values() for name, tensor in result.predictions.items()}

    @property
    def spreads(self) -> dict[str, Tensor]:
        """The same of the standard deviation over members, of groups that answer as ensembles."""
        return {name: tensor for result in self.results.values() for name, tensor in result.spreads.items()}


class Predictor:
    """Answers a split with one variant after another; what several of them have in common is computed once.

    Args:
        context: Of the groups.
        pools: Group to its checkpoints.
        split: Whose records are answered.
        stopped: Groups whose losses or metrics have failed, with the reason, and gets those that fail; what they
            answer is read as before, at their selection if a variant has no pick for them.
    """

    def __init__(
        self, context: TrainingContext, pools: Mapping[str, Pool], split: str, stopped: dict[str, str]
    ) -> None:
        self.context, self.pools, self.split, self.stopped = context, pools, split, stopped
        self.rows = context.store.filled(split)
        self._results: dict[object, SplitResult] = {}

    def predict(self, picks: Mapping[str, Pick]) -> Predicted:
        """Tier by tier; closed forms that read what is not the selection are fitted again.

        Args:
            picks: What the variant takes of each group.
        """
        context = self.context
        changed = _changed(context, self.pools, picks)
        learning = any(group.name in changed and group.fitted and not _only_fuses(group) for group in context.groups)
        splits = (*(SEEN if learning else ("validation",)), self.split)
        results: dict[str, SplitResult] = {}
        refits: dict[str, tuple[float, float]] = {}
        for group in context.groups:
            module: Answering
            thresholds: Mapping[str, Limits]
            if group.name in self.pools:
                module, thresholds = _make(context, self.pools[group.name], group, picks, refits, group.name in changed)
            else:
                module, thresholds = context.module(group), {}
            if has_objective(module) and group.name not in self.stopped:
                try:
                    results[group.name] = self._evaluate(group, module, thresholds)
                except FAULTS as fault:
                    self.stopped[group.name] = str(fault)
            context.add_outputs(group, module, splits)
        return Predicted(results, refits)

    def _evaluate(self, group: Group, module: Answering, thresholds: Mapping[str, Limits]) -> SplitResult:
        """The same weights on the same inputs are asked once."""
        limits = tuple((name, tuple(found)) for name, found in sorted(thresholds.items()))
        key = self.context.identity(group, module), limits
        if key not in self._results:
            self._results[key] = evaluate(module, self.context.source, self.rows, thresholds)
        return self._results[key]


def _changed(context: TrainingContext, pools: Mapping[str, Pool], picks: Mapping[str, Pick]) -> set[str]:
    """Groups that answer otherwise than those above were fixed on: by another pick, or since they read such a group."""
    changed: set[str] = set()
    for group in context.groups:
        own = group.name in picks and not group.fitted
        other = own and picks[group.name].members != Pick.single("", pools[group.name].manifest.best).members
        if other or changed & set(group.reads):
            changed.add(group.name)
    return changed


def _only_fuses(group: Group) -> bool:
    """Whether all nodes of a group weigh the answers of others, for which they need validation records alone."""
    return all(node.kind == "fusion" for node in group.nodes)


def _make(
    context: TrainingContext,
    pool: Pool,
    group: Group,
    picks: Mapping[str, Pick],
    refits: dict[str, tuple[float, float]],
    again: bool,
) -> tuple[Answering, Mapping[str, Limits]]:
    """The module of a group in a variant, and its thresholds, chosen on validation."""
    if not group.fitted:
        pick = picks.get(group.name) or Pick.single("selection", pool.manifest.best)
        return pool.build(pick), pool.thresholds(pick)
    entry: EpochEntry = pool.manifest.best
    if not again:
        return pool.build(Pick.single("fitted", entry)), entry.thresholds
    rows = context.store.rows("validation")
    before = evaluate(pool.build(Pick.single("fitted", entry)), context.source, rows).loss
    module = context.fit(group)
    after = evaluate(module, context.source, rows)
    refits[group.name] = before, after.loss
    return module, after.thresholds
