"""Frozen value types of what a report shows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import attrs

from redheart_core._evaluation import Evaluation


@attrs.frozen
class Epoch:
    """One finished epoch of a group."""

    epoch: int
    train_loss: float
    validation_loss: float
    metrics: Mapping[str, float]
    """Validation metrics by "node.metric"."""
    sha256: str | None
    """None if retention has removed the checkpoint; the figures then come from the events."""
    seconds: float | None
    """None if no event tells."""


@attrs.frozen
class GroupState:
    """What is on disk of one group."""

    name: str
    tier: int
    nodes: tuple[str, ...]
    status: str
    """"running", "finished", "stopped", "no checkpoints", or "nothing to train"."""
    reason: str
    epochs: tuple[Epoch, ...]

    @property
    def best(self) -> Epoch:
        """The kept epoch of the lowest validation loss, the earlier one of equals."""
        kept = [epoch for epoch in self.epochs if epoch.sha256 is not None]
        return min(kept, key=lambda epoch: (epoch.validation_loss, epoch.epoch))

    def at(self, number: int) -> Epoch:
        return next(epoch for epoch in self.epochs if epoch.epoch == number)

    def excess(self, epoch: Epoch) -> float:
        """Validation loss relative to the best one's, minus one, as sweetspot counts it."""
        best = self.best.validation_loss
        return epoch.validation_loss / best - 1.0 if best > 0 else epoch.validation_loss

    @property
    def seconds_per_epoch(self) -> float | None:
        known = [epoch.seconds for epoch in self.epochs if epoch.seconds is not None]
        return sum(known) / len(known) if known else None


@attrs.frozen
class Choice:
    """The epochs that sweetspot names for a group."""

    best: int
    one_se: int
    common: int
    cost: float
    """Relative excess of the validation loss at the common epoch."""


@attrs.frozen
class Choices:
    """sweetspot.json."""

    groups: Mapping[str, Choice]
    common_epoch: int
    mean_cost: float


@attrs.frozen
class Account:
    """One parameter tensor of the audit."""

    group: str
    plugin: str
    name: str
    elements: int
    in_optimizer: bool
    live: int
    """Elements with a non-zero gradient in the audited batches."""
    state: str
    """"trained", "frozen", or what is wrong."""

    @property
    def accounted(self) -> bool:
        return self.state in ("trained", "frozen")


@attrs.frozen
class NodeState:
    """An active node with its settings."""

    name: str
    kind: str
    plugin: str
    distribution: str
    version: str
    group: str
    learning_rate_scale: float
    loss_weight: float
    settings: Mapping[str, object]


@attrs.frozen
class FieldState:
    """A target field of the data set."""

    name: str
    meaning: str
    unit: str
    low: float | None
    high: float | None
    labels: tuple[str, ...]


@attrs.frozen
class StoreState:
    """What the store's index tells beyond run.json."""

    seed: int
    coverage: Mapping[str, int]
    published: bool
    duplicate_clusters: int
    clustered_records: int
    largest_cluster: int
    examples: tuple[tuple[str, ...], ...]
    chunks: int
    unknown_records: int
    bytes: int


@attrs.frozen
class DataState:
    """The data and encoder of a run."""

    dataset: str
    fingerprint: str
    chunk_chars: int
    encoder_name: str
    encoder_revision: str
    encoder_hash: str
    encoder_width: int
    fields: tuple[FieldState, ...]
    splits: Mapping[str, int]
    store_path: Path
    store: StoreState | None
    """None if the store is no longer where the run found it."""


@attrs.frozen
class ModelGroup:
    """A group as an assembled model holds it."""

    name: str
    tier: int
    epoch: int | None
    """None for a group without checkpoints."""
    sha256: str
    validation_loss: float | None


@attrs.frozen
class Contents:
    """All that a report shows."""

    path: Path
    redheart: str
    torch: str
    training: Mapping[str, object]
    nodes: tuple[NodeState, ...]
    groups: tuple[GroupState, ...]
    data: DataState
    choices: Choices | None
    evaluation: Evaluation | None
    accounts: tuple[Account, ...] | None
    model: tuple[ModelGroup, ...] | None
    model_path: Path | None
    test_reads: int

    @property
    def trained(self) -> tuple[GroupState, ...]:
        """Groups with at least one epoch."""
        return tuple(group for group in self.groups if group.epochs)

    @property
    def unfinished(self) -> tuple[GroupState, ...]:
        """Groups that stopped, or that have not reached their last epoch."""
        return tuple(group for group in self.groups if group.status in ("stopped", "running"))
