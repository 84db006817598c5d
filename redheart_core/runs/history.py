"""What a group has been through: its manifest, with epochs that retention removed and times from the events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from redheart_core.contract.errors import CheckpointError
from redheart_core.runs.checkpoint import GroupFolder
from redheart_core.runs.event_log import Began, Epoch, Line, Stopped
from redheart_core.runs.manifest import EpochEntry


@attrs.frozen
class EpochRecord:
    """One finished epoch of a group."""

    epoch: int
    """From 1; 0 is a group that answers as the baseline does, before its first update."""
    train_loss: float
    validation_loss: float
    metrics: Mapping[str, float | None]
    """Validation metrics by "node.metric"; None where undefined."""
    learning_rate: float
    """At the last update of the epoch, before per-plugin scales."""
    sha256: str | None = None
    """None if retention has removed the checkpoint; the figures then come from the events."""
    seconds: float | None = None
    """Training alone, without validation; None if no event tells."""
    updates: int = 0
    """Steps of the schedule; 0 if not recorded."""
    gradient: Mapping[str, float] = attrs.field(factory=dict)
    """"mean", "max" and "clipped" as the manifest has them; empty if not recorded."""
    averaged: bool = False
    """The moving average of the weights at the end of the epoch."""

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.epoch} (average)" if self.averaged else str(self.epoch)


@attrs.frozen
class GroupHistory:
    """All that is known of a group."""

    status: str | None
    """"running", "finished", "fitted" or "stopped"; None if the group has no manifest."""
    reason: str
    """Why it stopped, otherwise empty."""
    epochs: tuple[EpochRecord, ...]
    """In order."""
    averages: tuple[EpochRecord, ...]
    """The moving averages at the end of epochs."""

    @property
    def best(self) -> EpochRecord | None:
        """The kept epoch or average of the lowest validation loss, as GroupManifest.best."""
        kept = [epoch for epoch in (*self.epochs, *self.averages) if epoch.sha256 is not None]
        return min(kept, key=lambda one: (one.validation_loss, one.epoch, one.averaged), default=None)


@attrs.frozen
class LoggedEvents:
    """What events say of groups."""

    epochs: Mapping[str, Mapping[int, EpochRecord]]
    """Per group the newest record of each epoch."""
    stopped: Mapping[str, str]
    """Group to reason, in the newest process that trained it."""

    @classmethod
    def of(cls, lines: Sequence[Line]) -> LoggedEvents:
        """Sum up a log."""
        epochs: dict[str, dict[int, EpochRecord]] = {}
        stopped: dict[str, str] = {}
        for line in lines:
            if isinstance(line, Began):
                stopped = {name: reason for name, reason in stopped.items() if name not in line.groups}
            elif isinstance(line, Stopped):
                stopped[line.group] = line.reason
            elif isinstance(line, Epoch):
                epochs.setdefault(line.group, {})[line.epoch] = EpochRecord(
                    epoch=line.epoch,
                    train_loss=line.train_loss,
                    validation_loss=line.validation_loss,
                    metrics=line.metrics,
                    learning_rate=line.learning_rate,
                    seconds=line.seconds,
                )
        return cls(epochs, stopped)


def read_history(run: Path, name: str, logged: LoggedEvents) -> GroupHistory:
    """A group's history.

    Raises:
        CheckpointError: The manifest is damaged.
    """
    folder, own = GroupFolder(run, name), logged.epochs.get(name, {})
    status, reason = None, ""
    epochs: dict[int, EpochRecord] = {}
    averages: tuple[EpochRecord, ...] = ()
    if folder.manifest_file.exists():
        manifest = folder.read()
        status, reason = "fitted" if manifest.fitted else manifest.status, manifest.reason
        epochs = {entry.epoch: _record(entry, own) for entry in manifest.epochs}
        averages = tuple(_record(entry, own) for entry in manifest.averages)
        if len({frozenset(entry.metrics) for entry in manifest.candidates}) > 1:
            raise CheckpointError(
                f"{folder.manifest_file} is damaged: its epochs have different metrics; "
                "restore it from a copy, or remove the folder to train the group again"
            )
    newest = max(epochs, default=0)
    epochs |= {number: record for number, record in own.items() if number < newest and number not in epochs}
    if name in logged.stopped:  # even a finished group may be found damaged later
        status, reason = "stopped", logged.stopped[name]
    return GroupHistory(status, reason, tuple(epochs[number] for number in sorted(epochs)), averages)


def _record(entry: EpochEntry, logged: Mapping[int, EpochRecord]) -> EpochRecord:
    return EpochRecord(
        epoch=entry.epoch,
        train_loss=entry.train_loss,
        validation_loss=entry.validation_loss,
        metrics=entry.metrics,
        learning_rate=entry.learning_rate,
        sha256=entry.sha256,
        seconds=logged[entry.epoch].seconds if entry.epoch in logged else None,
        updates=entry.updates,
        gradient=entry.gradient,
        averaged=entry.averaged,
    )
