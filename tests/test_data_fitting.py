"""What a fit reads of a store: records that belong together have one cluster and lie in one fold."""

from __future__ import annotations

from typing import cast

import attrs
import torch
from torch import Tensor

from redheart_core.data.batches import BatchSource
from redheart_core.data.fitting import StorePart


@attrs.frozen(eq=False)
class Rows:
    """A store as far as folds look at it: the key of a row is its number, shuffled."""

    clusters: Tensor
    keys: Tensor

    @property
    def store(self) -> Rows:
        return self

    def shuffle_key(self, row: int) -> bytes:
        return int(self.keys[row]).to_bytes(4, "big")


def part(clusters: Tensor, rows: Tensor) -> StorePart:
    keys = torch.randperm(len(clusters), generator=torch.Generator().manual_seed(0))
    return StorePart(cast(BatchSource, Rows(clusters, keys)), rows)


def test_records_by_themselves_are_divided_by_their_ids_alone() -> None:
    whole = part(torch.arange(100), torch.arange(0, 100, 2))
    keys = cast(Rows, whole.source).keys[::2]
    assert torch.equal(whole.folds(5), keys.argsort().argsort() % 5)
    assert torch.equal(whole.folds(50), keys.argsort().argsort())
    assert torch.equal(whole.clusters(), torch.arange(50))


def test_records_that_belong_together_are_in_one_fold_whatever_their_order() -> None:
    clusters = torch.tensor([0, 1, 2, 1, 0, 3, 1, 4, 5, 5, 6, 7])
    one = part(clusters, torch.arange(12))
    folds = one.folds(3)
    for cluster in range(8):
        assert len(set(folds[clusters == cluster].tolist())) == 1
    assert sorted(torch.bincount(folds).tolist()) == [4, 4, 4]
    assert len(set(one.folds(12).tolist())) == 8
    turned = StorePart(one.source, torch.arange(12).flip(0))
    assert torch.equal(turned.folds(3).flip(0), folds)


def test_clusters_are_numbered_within_the_part() -> None:
    assert part(torch.tensor([0, 1, 2, 1, 0, 3]), torch.tensor([1, 3, 5])).clusters().tolist() == [0, 0, 1]
