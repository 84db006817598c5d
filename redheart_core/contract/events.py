"""Frozen value types of what happens during a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import attrs


@attrs.frozen
class RunStarted:
    """A run begins or resumes."""

    folder: Path
    groups: tuple[str, ...]
    epochs: Mapping[str, int]
    """Per group, the number of its last one."""
    epochs_done: Mapping[str, int]
    """Per group, the epochs that an earlier process finished."""


@attrs.frozen
class EpochFinished:
    """One group has finished one epoch and its checkpoint is on disk."""

    group: str
    epoch: int
    """From 1; 0 is a group that answers as the baseline does, before its first update."""
    epochs: int
    train_loss: float
    validation_loss: float
    metrics: Mapping[str, float | None]
    """Validation metrics by "node.metric"; None where undefined."""
    learning_rate: float
    """At the last update of the epoch, before per-plugin scales."""
    seconds: float
    undefined: Mapping[str, str] = attrs.field(factory=dict)
    """By "node.metric": why a metric has no value on these validation records."""
    agent_return: float | None = None
    """Of an agent: its mean return in episodes without noise, which validation_loss is with the sign changed."""


@attrs.frozen
class GroupStopped:
    """A group met a fault and stopped; the others go on."""

    group: str
    epoch: int
    reason: str


@attrs.frozen
class RunFinished:
    """All groups have finished or stopped."""

    folder: Path
    stopped: tuple[str, ...]
