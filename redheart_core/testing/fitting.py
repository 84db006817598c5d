"""Fitting a group to the records of a sample, as training would to those of a store."""

from __future__ import annotations

from typing import cast

import attrs
import torch
from scipy import sparse
from torch import Tensor

from redheart_core.data.batch import Batch
from redheart_core.data.batches import BatchSource
from redheart_core.data.fitting import StoreFitData, StorePart
from redheart_core.groups.closed_form import fit_nodes
from redheart_core.groups.group_module import GroupModule


@attrs.frozen(eq=False)
class SampleSource:
    """The records of a sample, by place, for all that a StorePart asks of a source and its store."""

    records: Batch

    @property
    def store(self) -> SampleSource:
        return self

    def term_matrix(self, rows: Tensor) -> sparse.csr_matrix:
        return sparse.csr_matrix(self.records.inputs["terms"][rows].numpy())

    @property
    def word_count(self) -> int:
        """The first half of the terms."""
        return self.records.inputs["terms"].shape[1] // 2

    def batch(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        return self.records.inputs["embedding"][rows], self.records.inputs["mask"][rows]

    @property
    def clusters(self) -> Tensor:
        """Each record by itself."""
        return torch.arange(self.records.size)

    def target(self, name: str) -> Tensor:
        return self.records.targets[name]

    def lower(self, name: str, rows: Tensor) -> Tensor:
        return self.records.inputs[name][rows]

    def shuffle_key(self, row: int) -> bytes:
        return row.to_bytes(4, "big")


def fit_group(module: GroupModule, records: Batch, seed: int) -> None:
    """Fit a group's nodes: records at even places are for training, those at odd places for validation."""
    source = cast(BatchSource, SampleSource(records))
    places = torch.arange(records.size)
    train, validation = StorePart(source, places[::2]), StorePart(source, places[1::2])
    data = StoreFitData(train, validation, module.fields, seed, module.group.settings.honest)
    fit_nodes(module, data, data.train.rows)
