"""Frozen value types of a group's state on disk."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Literal

import attrs

RUN_FORMAT = 2
"""Of run.json and of the groups' manifests."""


@attrs.frozen
class EpochEntry:
    """What is known of one finished epoch of one group; all of it is reproducible bit for bit."""

    epoch: int
    file: str
    sha256: str
    bytes: int
    train_loss: float
    validation_loss: float
    metrics: Mapping[str, float | None]
    """By "node.metric", on validation; None where undefined."""
    learning_rate: float
    losses_file: str
    """The validation loss record by record, for standard errors."""
    losses_sha256: str
    undefined: Mapping[str, str] = attrs.field(factory=dict)
    """By "node.metric": why a metric has no value on these validation records."""
    thresholds: Mapping[str, Sequence[float | None]] = attrs.field(factory=dict)
    """"node.output" to one threshold per label, chosen on validation, for labels that are 0 or 1; None for a label that
    no validation record has."""
    averaged: bool = False
    """The weights are the moving average at the end of the epoch."""
    effects: Mapping[str, int] = attrs.field(factory=dict)
    """How often each technique that is switched on has acted in the epoch."""
    updates: int = 0
    """Steps of the schedule that the epoch takes; 0 for a closed form."""
    gradient: Mapping[str, float] = attrs.field(factory=dict)
    """"mean" and "max" of the gradient's norm before clipping over the updates, and the share "clipped" of them."""


@attrs.frozen
class GroupManifest:
    """The state of one group on disk."""

    group: str
    status: Literal["running", "finished", "stopped"]
    reason: str = ""
    epochs: tuple[EpochEntry, ...] = ()
    averages: tuple[EpochEntry, ...] = ()
    """The moving averages at the end of each epoch, if [groups.<name>] ema is on."""
    fitted: bool = False
    """The weights were computed in closed form; the one epoch stands for that."""
    state_file: str = ""
    """Optimizer state of the newest epoch, for resuming."""
    state_sha256: str = ""
    inputs: Mapping[str, Mapping[str, object]] = attrs.field(factory=dict)
    """For each group that it reads: the epoch and SHA-256 that were fixed for it."""

    def to_json(self) -> dict[str, object]:
        return {"format": RUN_FORMAT, **json.loads(json.dumps(attrs.asdict(self)))}

    @property
    def best(self) -> EpochEntry:
        """The epoch of the lowest validation loss, or the average at its end; the earlier one of equals."""
        return min(self.candidates, key=lambda entry: (entry.validation_loss, entry.epoch, entry.averaged))

    @property
    def candidates(self) -> tuple[EpochEntry, ...]:
        """Everything that may be chosen: the epochs, and the moving averages at their ends."""
        return (*self.epochs, *self.averages)

    def entry(self, epoch: int) -> EpochEntry | None:
        return next((entry for entry in self.epochs if entry.epoch == epoch), None)
