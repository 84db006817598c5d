"""Batches of a store, in the same order for every group."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from copy import copy

import torch
from torch import Tensor

from redheart_core.contract.tensors import has_any
from redheart_core.data.batch import Batch
from redheart_core.data.lower_outputs import LowerOutputs
from redheart_core.data.mixture import draw
from redheart_core.data.store import Store
from redheart_core.data.token_views import token_views
from redheart_core.storage.runtime import generator

POOL = 32
"""Batches that are sorted by length together, so that little is padded."""


class BatchSource:
    """Records as batches: shuffled for training, in a fixed order for everything else."""

    def __init__(
        self,
        store: Store,
        targets: Iterable[str],
        batch_size: int,
        seed: int,
        device: torch.device,
        mixture: float = 1.0,
    ) -> None:
        self.store = store
        self.mixture = mixture
        self.batch_size = batch_size
        self.seed = seed
        self.device = device
        self._targets = {name: store.target(name) for name in targets}
        self._lower: dict[str, LowerOutputs] = {}
        self._train = store.filled("train")

    def updates_per_epoch(self, rows: Tensor, size: int) -> int:
        """How many batches of so many records these training rows make."""
        return -(-len(rows) // size)

    def training_rows(self, targets: Sequence[str]) -> Tensor:
        """Training records that have any of the targets, ascending; all of them for a group without targets."""
        return self._train[self.has_any_target(self._train, targets)] if targets else self._train

    def has_any_target(self, rows: Tensor, targets: Sequence[str]) -> Tensor:
        """Which rows have any of the targets: (N,) bool."""
        return torch.stack([has_any(self.store.target(name)[rows]) for name in targets]).any(0)

    def without_lower(self) -> BatchSource:
        """Another source of the same records, to which no outputs of finished tiers were added yet."""
        other = copy(self)
        other._lower = {}
        return other

    def add_lower(self, lower: LowerOutputs) -> None:
        """Make outputs of a finished tier readable."""
        self._lower.update(dict.fromkeys(lower.names, lower))

    def lower_identities(self, names: Iterable[str]) -> tuple[str, ...]:
        """Which outputs of finished tiers are readable under some names (LowerOutputs.identity)."""
        return tuple(self._lower[name].identity for name in names)

    def lengths(self, names: Sequence[str] = ()) -> Tensor:
        """What counts as the length of each record's text, (N,): its tokens for a group that reads them, or chunks."""
        counts = [self.store.token_counts(view) for view in token_views(names)]
        return torch.stack(counts).sum(0) if counts else self.store.chunk_counts

    def training_order(
        self, epoch: int, rows: Tensor | None = None, names: Sequence[str] = (), size: int | None = None
    ) -> list[Tensor]:
        """The batches of an epoch as row numbers: a function of seed, epoch, size and these training rows alone.

        Without rows those of the whole train split; names are what the group reads, as for batch; size is that of a
        batch, without it that of the source.

        Every one of the rows comes once, or as the mixture of several data sets says. Records of
        similar length share a batch.
        """
        stream = generator(self.seed, "order", epoch)
        rows = self._train if rows is None else rows
        rows = draw(rows, self.store.sources[rows], self.mixture, stream)
        batches, lengths, size = list[Tensor](), self.lengths(names), size or self.batch_size
        for pool in torch.split(rows, POOL * size):
            by_length = pool[lengths[pool].argsort(stable=True)]
            batches.extend(torch.split(by_length, size))
        return [batches[index] for index in torch.randperm(len(batches), generator=stream).tolist()]

    def lower(self, name: str, rows: Tensor) -> Tensor:
        """An output of a finished tier that has no chunks, for some rows: (N, *shape)."""
        return self._lower[name].batch(name, rows, 1)

    def fixed_order(self, rows: Tensor, names: Sequence[str] = ()) -> Iterator[Tensor]:
        """Rows in batches, sorted by length; names are what the group reads, as for batch."""
        return iter(torch.split(rows[self.lengths(names)[rows].argsort(stable=True)], self.batch_size))

    def fields(self, rows: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
        """Those of the names that are fields of the data set, for some rows, and their language."""
        found = {name: self.store.target(name)[rows] for name in names if name in self.store.fields}
        return {**found, "language": self.store.language_numbers[rows]}

    def batch(self, rows: Tensor, names: Sequence[str] = ()) -> Batch:
        """Read some rows, with the fields and outputs of lower tiers that a group needs (Group.inputs)."""
        embedding, mask = self.store.batch(rows)
        inputs = {"embedding": embedding, "mask": mask}
        inputs |= self.fields(rows, names)
        if "terms" in names:
            inputs["terms"] = torch.from_numpy(self.store.term_matrix(rows).toarray())
        inputs |= {view: self.store.token_batch(rows, view) for view in token_views(names)}
        inputs |= {name: self._lower[name].batch(name, rows, mask.shape[1]) for name in names if "." in name}
        targets = {name: numbers[rows] for name, numbers in self._targets.items()}
        if self.device.type != "cpu":
            inputs = {name: tensor.to(self.device) for name, tensor in inputs.items()}
            targets = {name: tensor.to(self.device) for name, tensor in targets.items()}
        return Batch(inputs=inputs, targets=targets)
