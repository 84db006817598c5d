"""Frozen value types of what a report shows: a run, its groups and their epochs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import attrs

from redheart_core.config.tables import GroupSettings, TrainSettings
from redheart_core.evaluation.results import Evaluation
from redheart_core.report.contents_choices import Choices, MethodState, SweepState
from redheart_core.report.contents_data import DataState, InspectionState, NodeState
from redheart_core.runs.accounts import ParameterAccount
from redheart_core.runs.history import EpochRecord


@attrs.frozen
class GroupState:
    """What is on disk of one group."""

    name: str
    tier: int
    nodes: tuple[str, ...]
    status: str
    """"running", "finished", "fitted", "stopped", "no checkpoints", or "nothing to train"."""
    reason: str
    epochs: tuple[EpochRecord, ...]
    averages: tuple[EpochRecord, ...]
    """The moving averages of the weights at the end of epochs."""
    settings: GroupSettings
    peak: float
    """Largest learning rate of the schedule."""

    @property
    def best(self) -> EpochRecord:
        """The kept epoch or average of the lowest validation loss, the earlier one of equals."""
        kept = [epoch for epoch in (*self.epochs, *self.averages) if epoch.sha256 is not None]
        return min(kept, key=lambda epoch: (epoch.validation_loss, epoch.epoch, epoch.averaged))

    def at(self, number: int) -> EpochRecord:
        return next(epoch for epoch in self.epochs if epoch.epoch == number)

    def relative(self, difference: float) -> float:
        """A difference in validation loss as a share of the best loss, if that is above 0."""
        best = self.best.validation_loss
        return difference / best if best > 0 else difference

    def excess(self, epoch: EpochRecord) -> float:
        """Validation loss above the best one, relative to it; see selection.common_epoch.relative_excess."""
        return self.relative(epoch.validation_loss - self.best.validation_loss)

    @property
    def done(self) -> int:
        """Epochs of updates that are finished."""
        return sum(epoch.epoch > 0 for epoch in self.epochs)

    @property
    def seconds_per_epoch(self) -> float | None:
        known = [epoch.seconds for epoch in self.epochs if epoch.epoch and epoch.seconds is not None]
        return sum(known) / len(known) if known else None

    @property
    def own(self) -> dict[str, object]:
        """The settings that are not left as they are."""
        default = attrs.asdict(GroupSettings())
        return {key: value for key, value in attrs.asdict(self.settings).items() if value != default[key]}

    @property
    def traced(self) -> bool:
        """Whether its learning rate follows the schedule, and how far an epoch takes it is known."""
        return any(epoch.updates for epoch in self.epochs)


@attrs.frozen
class ModelGroup:
    """A group as an assembled model holds it."""

    name: str
    tier: int
    epochs: str
    """For people; empty for a group without checkpoints."""
    method: str
    """How several epochs were made into one model; empty for one epoch as it is."""
    sha256: tuple[str, ...]
    """Of each file."""
    validation_loss: float | None


@attrs.frozen
class Contents:
    """All that a report shows."""

    path: Path
    redheart: str
    torch: str
    training: Mapping[str, object]
    settings: TrainSettings
    """The same, checked."""
    nodes: tuple[NodeState, ...]
    groups: tuple[GroupState, ...]
    data: DataState
    inspection: InspectionState | None
    sweep: SweepState | None
    choices: Choices | None
    methods: MethodState | None
    evaluation: Evaluation | None
    accounts: tuple[ParameterAccount, ...] | None
    model: tuple[ModelGroup, ...] | None
    left_out: Mapping[str, str]
    """Groups of the run that the model does not hold, with the reason."""
    model_path: Path | None
    model_sha256: str | None
    """Of its manifest."""
    openings: tuple[str, ...]
    """When the test split was read."""

    @property
    def test_reads(self) -> int:
        """How often the test split of this run has been read."""
        return max(len(self.openings), self.evaluation.test_reads if self.evaluation else 0)

    @property
    def trained(self) -> tuple[GroupState, ...]:
        """Groups with at least one epoch."""
        return tuple(group for group in self.groups if group.epochs)

    @property
    def traced(self) -> tuple[GroupState, ...]:
        """Groups whose learning rate can be drawn."""
        return tuple(group for group in self.groups if group.traced)

    @property
    def unfinished(self) -> tuple[GroupState, ...]:
        """Groups that stopped, or that have not reached their last epoch."""
        return tuple(group for group in self.groups if group.status in ("stopped", "running"))
