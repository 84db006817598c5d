"""The records of a store for a node that is fitted in closed form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs
import numpy as np
import torch
from torch import Tensor

from redheart_core.contract.fields import Field
from redheart_core.data.batches import BatchSource
from redheart_core.exact.leaving_out import balanced_folds
from redheart_core.nn.chunks import masked_mean

if TYPE_CHECKING:
    from scipy import sparse


FIT_NUMBERS = 160_000_000
"""A part that is fitted on holds at most so many terms of texts and numbers of embeddings, about 3 GB at work; beyond
it a sample is drawn."""

_BLOCK = 500
"""Records whose chunks are read together."""


@attrs.frozen(eq=False)
class StorePart:
    """The records of a split of a store; see redheart_core.contract.fitting."""

    source: BatchSource
    rows: Tensor

    @classmethod
    def of(cls, source: BatchSource, split: str) -> StorePart:
        """A split, or as much of it as may be held."""
        rows = source.store.sample_of_numbers(split, FIT_NUMBERS)
        return cls(source, rows.clone())  # a plugin gets it, and the store keeps its own

    def __len__(self) -> int:
        return len(self.rows)

    def terms(self) -> sparse.csr_matrix:
        """TF-IDF weights of the texts' terms, (N, V) sparse float32."""
        return self.source.store.term_matrix(self.rows)

    def words(self) -> int:
        """How many of the terms are words and pairs of words: the first ones."""
        return self.source.store.word_count

    def embedding(self) -> Tensor:
        """Means of the embedding over the chunks of each text, (N, D) float32."""
        parts = [masked_mean(*self.source.store.batch(rows)) for rows in torch.split(self.rows, _BLOCK)]
        return torch.cat(parts)

    def field(self, name: str) -> Tensor:
        """A field, (N, *shape), NaN where missing."""
        return self.source.store.target(name)[self.rows]

    def output(self, name: str) -> Tensor:
        """An output "node.output" of a lower group that the node reads, without chunks: (N, *shape)."""
        return self.source.lower(name, self.rows)

    def clusters(self) -> Tensor:
        """(N,) int64: numbers from 0 in the order of the first records, equal for records that belong together, as they
        are near-duplicates or the data set says so."""
        numbers: Tensor = torch.unique(self.source.store.clusters[self.rows], return_inverse=True)[1]
        return numbers

    def folds(self, count: int) -> Tensor:
        """(N,) int64: about the same number of records in each of the folds 0..count-1, by their ids alone; records
        that belong together are in one fold, and in one of their own if count is N."""
        clusters, first = self.clusters().tolist(), dict[int, bytes]()
        for cluster, row in zip(clusters, self.rows.tolist(), strict=True):
            key = self.source.store.shuffle_key(row)
            first[cluster] = min(key, first.get(cluster, key))
        ranks = {cluster: rank for rank, cluster in enumerate(sorted(first, key=first.__getitem__))}
        return torch.from_numpy(balanced_folds(np.array([ranks[cluster] for cluster in clusters], np.int64), count))


@attrs.frozen(eq=False)
class StoreFitData:
    """Train and validation records of a store; see redheart_core.contract.fitting."""

    train: StorePart
    """Outputs of lower groups are those of records that they were trained on."""
    validation: StorePart
    """Outputs of lower groups are those of records that they have not learnt from."""
    fields: Mapping[str, Field]
    seed: int
    honest: bool = True
    """Whether honest answers are wanted."""
