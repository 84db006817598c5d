"""Frozen value types of a group's state on disk."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import attrs

from redheart_core.storage.sealed import SealedFile

FILE_NAME = re.compile(r"(average-)?(epoch|losses|state|honest)-[0-9]{4,}\.safetensors")
"""Every file that a group's folder holds beside its manifest."""


def _is_file_name(_instance: object, attribute: attrs.Attribute[Any], value: str) -> None:
    if not FILE_NAME.fullmatch(value):
        raise ValueError(f"'{attribute.name}' expects a name such as epoch-0007.safetensors, got '{value}'")


@attrs.frozen
class StateFile:
    """Tensors beside an epoch: its optimizer state, or honest answers."""

    file: str = attrs.field(validator=_is_file_name)
    sha256: str


@attrs.frozen
class EpochEntry:
    """What is known of one finished epoch of one group; all of it is reproducible bit for bit."""

    epoch: int
    """From 1; 0 is a group that answers as the baseline does, before its first update."""
    file: str = attrs.field(validator=_is_file_name)
    """That of an earlier epoch if the weights are the same; so for the losses and the optimizer state."""
    sha256: str
    bytes: int
    train_loss: float
    """Mean over the records as they were trained on; of epoch 0 over some of them."""
    validation_loss: float
    metrics: Mapping[str, float | None]
    """By "node.metric", on validation; None where undefined."""
    learning_rate: float
    losses_file: str = attrs.field(validator=_is_file_name)
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
    """Steps of the schedule that the epoch takes; 0 for a closed form and for epoch 0."""
    gradient: Mapping[str, float] = attrs.field(factory=dict)
    """"mean" and "max" of the gradient's norm before clipping over the updates, and the share "clipped" of them.
    In float16 also "skipped": updates that were not made as the gradient overflowed, as a share of the others."""
    state: StateFile | None = None
    """The optimizer state, from which training goes on; None where none is kept, and before the first update."""

    @property
    def files(self) -> tuple[str, ...]:
        """Its files."""
        return (self.file, self.losses_file) if self.state is None else (self.file, self.losses_file, self.state.file)

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.epoch} (average)" if self.averaged else str(self.epoch)


@attrs.frozen
class FixedInput:
    """The epoch of a lower group that a group is trained on."""

    epoch: int
    sha256: str


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
    honest: StateFile | None = None
    """Of a closed form that gives some: its answers on the training records that were not learnt from these."""
    inputs: Mapping[str, FixedInput] = attrs.field(factory=dict)
    """For each group that it reads, the epoch that was fixed for it."""
    halved: tuple[tuple[int, int, int], ...] = ()
    """Epoch, step and number of records: from that update on so many are computed at a time, as memory was short."""
    retired: tuple[str, ...] = attrs.field(default=(), validator=attrs.validators.deep_iterable(_is_file_name))
    """Files of earlier manifests that are not needed any more. They are deleted when this manifest is on disk."""

    @property
    def best(self) -> EpochEntry:
        """The epoch of the lowest validation loss, or the average at its end; the earlier one of equals."""
        return self.ranked[0]

    @property
    def only(self) -> EpochEntry | None:
        """The epoch that stands for every one, of a closed form and of a group that was kept as it began (epochs = 0);
        None of a group that was trained."""
        kept = self.status == "finished" and [entry.epoch for entry in self.epochs] == [0]
        return self.epochs[0] if self.epochs and (self.fitted or kept) else None

    @property
    def ranked(self) -> tuple[EpochEntry, ...]:
        """The candidates, best first."""
        return tuple(sorted(self.candidates, key=lambda entry: (entry.validation_loss, entry.epoch, entry.averaged)))

    @property
    def candidates(self) -> tuple[EpochEntry, ...]:
        """Everything that may be chosen: the epochs, and the moving averages at their ends."""
        return (*self.epochs, *self.averages)

    @property
    def digests(self) -> dict[str, str]:
        """File to SHA-256, of every file that it needs."""
        found = {entry.file: entry.sha256 for entry in self.candidates}
        found |= {entry.losses_file: entry.losses_sha256 for entry in self.candidates}
        beside = [*(entry.state for entry in self.candidates), self.honest]
        return found | {one.file: one.sha256 for one in beside if one is not None}

    @property
    def files(self) -> frozenset[str]:
        """Every file that it needs."""
        return frozenset(self.digests)

    @property
    def hashes(self) -> dict[str, str]:
        """SHA-256 to file, of all that the epochs have; the earliest of equals."""
        found = dict[str, str]()
        for entry in self.candidates:
            found.setdefault(entry.sha256, entry.file)
            found.setdefault(entry.losses_sha256, entry.losses_file)
            if entry.state is not None:
                found.setdefault(entry.state.sha256, entry.state.file)
        return found

    def entry(self, epoch: int) -> EpochEntry | None:
        """The entry of an epoch, None if it is not on disk."""
        return next((entry for entry in self.epochs if entry.epoch == epoch), None)


GROUP_MANIFEST = SealedFile(
    GroupManifest, "group", 5, "restore it from a copy, or remove the group's folder to train the group again"
)
