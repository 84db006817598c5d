"""What /v1/runs answers: each class is the form of its JSON, and the source of its schema."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import attrs

from redheart_core.exact.interval import Interval
from redheart_core.runs.status import GroupStatus, RunStatus, State
from redheart_server.problems import ProblemError
from redheart_server.run_folder import Choices, FoundRun, bytes_by_part, free_bytes, read_choices
from redheart_server.schemas import Form, Forms

STATUS_FORMS: Forms = {
    RunStatus: Form(without=("path",), derived=("seconds_left", "unmeasured")),
    GroupStatus: Form(derived=("done", "seconds_per_epoch")),
}
"""As RunStatus.to_json has them; where the folder lies is nobody's business."""


@attrs.frozen
class RunLine:
    """A run in the list; a damaged one has its damage in place of figures."""

    name: str
    state: State | Literal["damaged"]
    damage: str
    """What is wrong with a damaged run; empty if nothing is."""
    changed: datetime
    """When its newest event was written, in UTC."""
    groups: int
    epochs_done: int
    """Over all groups."""
    epochs_planned: int
    peak_memory_bytes: int | None
    """The most that the newest process has held."""

    @classmethod
    def of(cls, run: FoundRun) -> RunLine:
        """Of a run in the folder."""
        return cls(**_line(run))


@attrs.frozen
class GroupCrossover:
    """Which epoch of a group is best, and what the common one costs it."""

    group: str
    best_epoch: int
    interval: tuple[int, ...]
    """Of the best epoch: first and last."""
    validation_loss: float
    """At the best epoch; of agents the mean return with the sign changed."""
    common_validation_loss: float
    """At the common epoch."""
    cost: float
    """Of the common epoch, relative."""


@attrs.frozen
class Crossover:
    """What was chosen among the epochs."""

    common_epoch: int
    mean_cost: float
    """Mean relative excess of the validation loss at the common epoch."""
    groups: tuple[GroupCrossover, ...]


@attrs.frozen
class MethodFigure:
    """What a method of choosing is worth."""

    method: str
    difference: float
    """Mean difference of the validation loss from the plain selection, in shares of it; below 0 is better."""
    error: float | None


@attrs.frozen
class VariantFigure:
    """What a way to make a model is worth on the test split."""

    variant: str
    skill: Interval
    """Mean over plugins."""
    gain: Interval
    """Over the best common epoch."""


@attrs.frozen
class WholeRun(RunLine):
    """A run with everything that its page shows."""

    status: RunStatus
    """As redheart watch --json prints it, without the path; of agents with a return in place of a validation loss."""
    crossover: Crossover | None
    """Null before redheart sweetspot."""
    methods: tuple[MethodFigure, ...]
    """The best one first."""
    variants: tuple[VariantFigure, ...]
    damages: tuple[str, ...]
    """What is wrong with a damaged file of the choices."""
    bytes: Mapping[str, int]
    """On disk, by what stands directly in the folder."""
    free_bytes: int
    """On the disk of the folder."""

    @classmethod
    def read(cls, found: FoundRun, path: Path) -> WholeRun:
        """Of a run and its folder.

        Raises:
            ProblemError: It is damaged.
        """
        if found.status is None:
            raise ProblemError(422, found.damage)
        choices = read_choices(path)
        return cls(
            **_line(found),
            status=found.status,
            crossover=_crossover(choices),
            methods=tuple(MethodFigure(name, mean, error) for name, (mean, error) in choices.methods),
            variants=_variants(choices),
            damages=choices.damages,
            bytes=bytes_by_part(path),
            free_bytes=free_bytes(path),
        )


def as_json(answer: RunLine) -> dict[str, Any]:
    """Its JSON values."""
    return attrs.asdict(answer, value_serializer=_plain)


def _plain(of: object, attribute: object, value: Any) -> Any:
    if isinstance(value, RunStatus):
        return {key: one for key, one in value.to_json().items() if key not in STATUS_FORMS[RunStatus].without}
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else value


def _line(run: FoundRun) -> dict[str, Any]:
    status = run.status
    groups = () if status is None else status.groups
    return {
        "name": run.name,
        "state": "damaged" if status is None else status.state,
        "damage": run.damage,
        "changed": run.changed,
        "groups": len(groups),
        "epochs_done": sum(group.done for group in groups),
        "epochs_planned": sum(group.planned for group in groups),
        "peak_memory_bytes": None if status is None else status.peak_memory_bytes,
    }


def _crossover(choices: Choices) -> Crossover | None:
    found = choices.sweetspot
    if found is None:
        return None
    groups = (
        GroupCrossover(
            one.group,
            one.best.epoch,
            (one.interval.low, one.interval.high),
            one.best.validation_loss,
            one.common.validation_loss,
            one.cost,
        )
        for one in found.groups
    )
    return Crossover(found.common_epoch, found.mean_cost, tuple(groups))


def _variants(choices: Choices) -> tuple[VariantFigure, ...]:
    found = choices.evaluation
    if found is None:
        return ()
    return tuple(VariantFigure(name, found.skill[name], found.skill_gains[name]) for name in found.variants)
