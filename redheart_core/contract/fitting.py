"""What a node that is fitted in closed form may look at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from redheart_core.contract.fields import Field

if TYPE_CHECKING:
    from scipy import sparse
    from torch import Tensor


class FitPart(Protocol):
    """The N records of a split, in the order of the store; nothing of it carries a gradient."""

    def __len__(self) -> int:
        """N."""

    def terms(self) -> sparse.csr_matrix:
        """TF-IDF weights of the texts' terms, (N, V) sparse float32."""

    def words(self) -> int:
        """How many of the terms are words and pairs of words: the first ones. The others are parts of words."""

    def embedding(self) -> Tensor:
        """Means of the embedding over the chunks of each text, (N, D) float32, as masked_mean gives them in forward."""

    def field(self, name: str) -> Tensor:
        """A field, (N, *shape), NaN where missing."""

    def output(self, name: str) -> Tensor:
        """An output "node.output" of a lower group that the node reads, without chunks: (N, *shape)."""

    def clusters(self) -> Tensor:
        """(N,) int64: numbers from 0 in the order of the first records, equal for records that belong together, as they
        are near-duplicates or the data set says so. What is learnt from one of them is no honest answer to another."""

    def folds(self, count: int) -> Tensor:
        """(N,) int64: about the same number of records in each of the folds 0..count-1, by their ids alone; records
        that belong together are in one fold, and in one of their own if count is N."""


class FitData(Protocol):
    """The records that a fit may use; the test split is never among them."""

    @property
    def train(self) -> FitPart:
        """Outputs of lower groups are those of records that they were trained on, or honest answers where their fits
        give some (NodeSpec.fit)."""

    @property
    def validation(self) -> FitPart:
        """Outputs of lower groups are those of records that they have not learnt from."""

    @property
    def fields(self) -> Mapping[str, Field]:
        """The fields of the data set."""

    @property
    def seed(self) -> int:
        """Of the run."""

    @property
    def honest(self) -> bool:
        """Whether honest answers are wanted; a fit may save their time if not."""
