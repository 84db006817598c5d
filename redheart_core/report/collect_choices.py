"""Reads what was chosen on validation: epochs, ways to make one model of epochs, and learning rates."""

from __future__ import annotations

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
from redheart_core.selection.detectors import Detection
from redheart_core.selection.names import NAMES
from redheart_core.storage.json_parts import Part

SWEEP_FORMAT = 1


def read_choices(file: Path, groups: tuple[GroupState, ...]) -> Choices | None:
    """What sweetspot chose.

    Raises:
        CheckpointError: Damaged, or older than the newest checkpoints.
    """
    if not file.exists():
        return None
    table, known, choices = Part.read(file), {group.name: group for group in groups}, {}
    for part in table["groups"].items():
        name = part["group"].text()
        choices[name] = _read_choice(part, known.get(name), file)
    interval = table["common_interval"]
    return Choices(
        groups=choices,
        common_epoch=table["common_epoch"].integer(),
        low=interval["low"].integer(),
        high=interval["high"].integer(),
        mean_cost=table["mean_cost"].number(),
        mean_common_cost=read_cost(table["mean_common_cost"]),
    )


def _read_choice(part: Part, group: GroupState | None, file: Path) -> Choice:
    entries = {rule: part[rule] for rule in ("best", "one_se", "common") if part[rule].value is not None}
    epochs = {rule: (one["epoch"].integer(), one["sha256"].text()) for rule, one in entries.items()}
    for number, sha256 in epochs.values():
        if group is None or not any(
            (epoch.epoch, epoch.sha256) == (number, sha256) for epoch in (*group.epochs, *group.averages)
        ):
            raise _outdated(file, f"it names epoch {number} of '{part['group'].text()}'", "sweetspot")
    assert group is not None
    if group.best.sha256 != epochs["best"][1]:
        raise _outdated(file, f"by now epoch {group.best.name} of '{group.name}' is better", "sweetspot")
    interval, detections = part["interval"], part["detections"]
    return Choice(
        best=group.best.name,
        one_se=epochs["one_se"][0] if "one_se" in epochs else None,
        common=epochs["common"][0],
        cost=part["cost"].number(),
        low=interval["low"].integer(),
        high=interval["high"].integer(),
        detections={
            name: Detection(detections[name]["epoch"].integer_or_none(), detections[name]["reason"].text())
            for name in NAMES
        },
        common_cost=read_cost(part["common_cost"]),
        differences=part["metric_differences"].numbers_or_none(),
    )


def read_cost(part: Part) -> CommonCost:
    """What it costs to share a choice, apparent and corrected."""
    return CommonCost(read_figure(part["apparent"]), read_figure(part["corrected"]))


def read_figure(part: Part) -> Interval:
    """A value and its interval, if it has one."""
    value, low, high = (part[key].number_or_none() for key in ("value", "low", "high"))
    return Interval(value, low, high, part["reason"].text())


def read_methods(file: Path, groups: tuple[GroupState, ...]) -> MethodState | None:
    """The comparison of methods on validation, None if there was none.

    Raises:
        CheckpointError: Damaged, or older than the newest checkpoints.
    """
    if not file.exists():
        return None
    table, known, found = Part.read(file), {group.name: group for group in groups}, {}
    for name, part in table["groups"].entries().items():
        selection = part["selection"]["loss"].number()
        if name not in known or not known[name].epochs or not isclose(known[name].best.validation_loss, selection):
            raise _outdated(file, f"it has the loss {selection} of '{name}'", "crossover RUN --compare")
        ways = [_read_method(method, one) for method, one in part.entries().items()]
        found[name] = tuple(sorted(ways, key=lambda way: (way.method != "selection", way.loss)))
    means = {}
    for method, part in table["methods"].entries().items():
        mean, error = part["mean"].number(), part["error"].number_or_none()
        means[method] = Interval(mean) if error is None else Interval(mean, mean - error, mean + error)
    return MethodState(
        groups=found,
        chosen={name: part.text() for name, part in table["chosen"].entries().items()},
        means=dict(sorted(means.items(), key=lambda item: item[1].number)),
        best_method=table["best_method"].text(),
    )


def _read_method(name: str, part: Part) -> MethodOnGroup:
    return MethodOnGroup(
        method=name,
        epochs=part["epochs"].text(),
        loss=part["loss"].number(),
        difference=part["difference"].number(),
        error=part["error"].number_or_none(),
        accepted=part["accepted"].flag(),
    )


def read_sweep(file: Path) -> SweepState | None:
    """What the sweep over learning rates found, None if there was none.

    Raises:
        CheckpointError: Damaged, or of another format.
    """
    if not file.exists():
        return None
    table = Part.read(file)
    if table["format"].value != SWEEP_FORMAT:
        raise CheckpointError(f"{file} is not a sweep of format {SWEEP_FORMAT}; sweep again with this version")
    settings, common = table["settings"], table["common"]
    return SweepState(
        groups=tuple(_read_group_rates(part) for part in table["groups"].items()),
        epochs=settings["epochs"].integer(),
        seeds=settings["seeds"].integer(),
        short_runs=table["cost"]["short_runs"].number(),
        common=common["rate"].number_or_none(),
        common_reason=common["reason"].text(),
        gains={name: read_cost(part) for name, part in common["gains"].entries().items()},
    )


def _read_group_rates(part: Part) -> GroupRates:
    chosen, within = part["chosen"].number_or_none(), part["within_noise"]
    return GroupRates(
        group=part["group"].text(),
        status=part["status"].text(),
        reason=part["reason"].text(),
        rates=tuple(_read_rate(one) for one in part["rates"].items()),
        chosen=chosen,
        one_se=part["one_se"].number_or_none(),
        within_noise=0 if within.value is None else len(within.items()),
        edge=part["edge"].text(),
    )


def _read_rate(part: Part) -> RateState:
    apart = part["difference"]
    return RateState(
        rate=part["rate"].number(),
        status=part["status"].text(),
        reason=part["reason"].text(),
        loss=part["mean"].number_or_none(),
        difference=None if apart.value is None else apart["mean"].number(),
        error=None if apart.value is None else apart["error"].number(),
    )


def _outdated(file: Path, reason: str, command: str) -> CheckpointError:
    return CheckpointError(f"{file} does not fit the checkpoints: {reason}; run redheart {command} again")
