"""Reads what was chosen on validation: epochs, ways to make one model of epochs, and learning rates."""

from __future__ import annotations

from collections.abc import Mapping
from math import isclose
from pathlib import Path

from redheart_core.contract.errors import CheckpointError
from redheart_core.exact.interval import Interval
from redheart_core.report.contents import GroupState
from redheart_core.report.contents_choices import (
    Choice,
    Choices,
    CommonCost,
    GroupRates,
    MethodOnGroup,
    MethodState,
    RateState,
    SweepState,
)
from redheart_core.selection.common_epoch import Cost
from redheart_core.selection.rivals import RIVALS, Rival
from redheart_core.selection.sweetspot import SWEETSPOT, GroupChoice
from redheart_core.tuning.sweep_result import SWEEP, GroupSweep, RateRuns


def read_choices(file: Path, groups: tuple[GroupState, ...]) -> Choices | None:
    """What sweetspot chose.

    Raises:
        CheckpointError: Damaged, or older than the newest checkpoints.
    """
    found = SWEETSPOT.read_if_there(file)
    if found is None:
        return None
    known = {group.name: group for group in groups}
    return Choices(
        groups={choice.group: _read_choice(choice, known, file) for choice in found.groups},
        common_epoch=found.common_epoch,
        low=found.common_interval.low,
        high=found.common_interval.high,
        mean_cost=found.mean_cost,
        mean_common_cost=_cost(found.mean_common_cost),
    )


def _read_choice(choice: GroupChoice, known: Mapping[str, GroupState], file: Path) -> Choice:
    group = known.get(choice.group)
    kept = {(epoch.epoch, epoch.sha256) for epoch in (*group.epochs, *group.averages)} if group else set()
    for entry in (choice.best, choice.one_se, choice.common):
        if entry is not None and (entry.epoch, entry.sha256) not in kept:
            raise _outdated(file, f"it names epoch {entry.epoch} of '{choice.group}'", "sweetspot")
    assert group is not None
    if group.best.sha256 != choice.best.sha256:
        raise _outdated(file, f"by now epoch {group.best.name} of '{group.name}' is better", "sweetspot")
    return Choice(
        best=group.best.name,
        one_se=None if choice.one_se is None else choice.one_se.epoch,
        common=choice.common.epoch,
        cost=choice.cost,
        low=choice.interval.low,
        high=choice.interval.high,
        detections=choice.detections,
        common_cost=_cost(choice.common_cost),
        differences=choice.metric_differences,
    )


def _cost(cost: Cost) -> CommonCost:
    return CommonCost(cost.apparent, cost.corrected)


def read_methods(file: Path, groups: tuple[GroupState, ...]) -> MethodState | None:
    """The comparison of methods on validation, None if there was none.

    Raises:
        CheckpointError: Damaged, or older than the newest checkpoints.
    """
    rivals = RIVALS.read_if_there(file)
    if rivals is None:
        return None
    known, found = {group.name: group for group in groups}, {}
    for name, table in rivals.table.items():
        loss = table["selection"].loss
        if name not in known or not known[name].epochs or not isclose(known[name].best.validation_loss, loss):
            raise _outdated(file, f"it has the loss {loss} of '{name}'", "crossover RUN --compare")
        ways = [_read_method(method, rival) for method, rival in table.items()]
        found[name] = tuple(sorted(ways, key=lambda way: (way.method != "selection", way.loss)))
    means = {
        method: Interval(mean) if error is None else Interval(mean, mean - error, mean + error)
        for method, (mean, error) in rivals.sums.items()
    }
    return MethodState(
        groups=found,
        chosen={name: rivals.chosen(name).pick.method for name in rivals.table},
        means=dict(sorted(means.items(), key=lambda item: item[1].number)),
        best_method=rivals.best_method,
    )


def _read_method(name: str, rival: Rival) -> MethodOnGroup:
    return MethodOnGroup(
        method=name,
        epochs=rival.epochs,
        loss=rival.loss,
        difference=rival.difference,
        error=rival.error,
        accepted=rival.accepted,
    )


def read_sweep(file: Path) -> SweepState | None:
    """What the sweep over learning rates found, None if there was none.

    Raises:
        CheckpointError: Damaged, or of another format.
    """
    found = SWEEP.read_if_there(file)
    if found is None:
        return None
    return SweepState(
        groups=tuple(_read_group_rates(group) for group in found.groups),
        epochs=found.short[0].epochs,
        seeds=len(found.short),
        short_runs=found.cost()["short_runs"],
        common=found.common.rate,
        common_reason=found.common.reason,
        gains={name: _cost(cost) for name, cost in found.common.gains.items()},
    )


def _read_group_rates(group: GroupSweep) -> GroupRates:
    return GroupRates(
        group=group.group,
        status=group.status,
        reason=group.reason,
        rates=tuple(_read_rate(one) for one in group.rates),
        chosen=group.chosen,
        one_se=group.choice.one_se if group.choice else None,
        within_noise=len(group.choice.within_noise) if group.choice else 0,
        edge=group.edge,
    )


def _read_rate(runs: RateRuns) -> RateState:
    apart = runs.difference
    return RateState(
        rate=runs.rate,
        status=runs.status,
        reason=runs.reason,
        loss=runs.mean,
        difference=None if apart is None else apart.mean,
        error=None if apart is None else apart.error,
    )


def _outdated(file: Path, reason: str, command: str) -> CheckpointError:
    return CheckpointError(f"{file} does not fit the checkpoints: {reason}; run redheart {command} again")
