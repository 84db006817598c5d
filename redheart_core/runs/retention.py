"""Which epochs stay on disk: the newest, the best and whatever a model refers to."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import attrs

from redheart_core.config.tables import TrainSettings
from redheart_core.runs.manifest import GroupManifest
from redheart_core.storage.locks import updating
from redheart_core.storage.sealed import SealedFile


@attrs.frozen
class Retention:
    """How much of a group stays on disk; the names are those of [training], which explains them."""

    keep_epochs: int = 0
    keep_best: int = 1
    keep_states: int = 2

    @classmethod
    def of(cls, settings: TrainSettings) -> Retention:
        return cls(settings.keep_epochs, settings.keep_best, settings.keep_states)

    def apply(self, run: Path, manifest: GroupManifest) -> GroupManifest:
        """The manifest without what is no longer needed: the newest epochs, the best and those of models stay."""
        epochs, averages = manifest.epochs, manifest.averages
        if self.keep_epochs:
            best = [*dict.fromkeys(entry.epoch for entry in manifest.ranked)][: self.keep_best]
            newest = [entry.epoch for entry in epochs[-self.keep_epochs :]]
            kept = {*newest, *best, *references(run).get(manifest.group, ())}
            epochs = tuple(entry for entry in epochs if entry.epoch in kept)
            averages = tuple(entry for entry in averages if entry.epoch in kept)
        if self.keep_states:
            first = min((entry.epoch for entry in epochs[-self.keep_states :]), default=0)
            epochs = tuple(entry if entry.epoch >= first else attrs.evolve(entry, state=None) for entry in epochs)
        return attrs.evolve(manifest, epochs=epochs, averages=averages)


@attrs.frozen
class References:
    """references.json: the epochs that models are made of."""

    groups: Mapping[str, tuple[int, ...]]
    """Ascending."""


REFERENCES = SealedFile(
    References, "references", 1, "restore it from a copy, or remove it and assemble the run's models again"
)


def references(run: Path) -> Mapping[str, tuple[int, ...]]:
    """Group to epochs that models refer to."""
    found = REFERENCES.read_if_there(run / "references.json")
    return {} if found is None else found.groups


def add_references(run: Path, chosen: Mapping[str, Collection[int]]) -> None:
    """Protect epochs of groups from deletion."""
    with updating(run):
        table = dict(references(run))
        for group, epochs in chosen.items():
            table[group] = tuple(sorted({*table.get(group, ()), *epochs}))
        REFERENCES.write(run / "references.json", References(table))
