"""What a linear map reads of N texts: sparse weights of terms, and dense numbers beside them.

Shapes: N records, V terms, D dense numbers, L labels. Coefficients are (V + D + 1, L), the last row the bias.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Matrix = NDArray[np.float64]
Single = NDArray[np.float32]
Rows = NDArray[np.bool_] | NDArray[np.int64]

_BLOCK = 500
"""Records whose terms stand in a full matrix together."""


@attrs.frozen(eq=False)
class Features:
    """The features of some records."""

    terms: Any
    """(N, V) SciPy sparse rows, float32."""
    words: int
    """How many of the terms are words, the first ones; the others are parts of words."""
    dense: Single
    """(N, D)."""

    def __len__(self) -> int:
        return len(self.dense)

    @property
    def width(self) -> int:
        """V + D."""
        return int(self.terms.shape[1]) + int(self.dense.shape[1])

    def of(self, rows: Rows) -> Features:
        """Those of some of the records; the same memory if they are all."""
        if rows.dtype == np.bool_ and rows.all():
            return self
        return Features(self.terms[rows], self.words, self.dense[rows])

    def centred(self, middle: Single) -> Features:
        """With the dense numbers counted from a middle, (D,), which speeds up iterations."""
        return Features(self.terms, self.words, self.dense - middle)

    def apply(self, coefficients: Matrix) -> Matrix:
        """What a map says of each record, (N, L); products in the type of the features."""
        weights, split = coefficients.astype(self.dense.dtype), self.terms.shape[1]
        return np.asarray(self.terms @ weights[:split] + self.dense @ weights[split:-1] + weights[-1], np.float64)

    def gram(self, words: float, parts: float, dense: float) -> Matrix:
        """Products of all pairs of records, (N, N): weights times those over words, parts of words and dense numbers.

        It is all that is held, beside the terms of a kind and the products of a few records with all.
        """
        found = np.zeros((len(self), len(self)))
        for weight, columns in ((words, slice(self.words)), (parts, slice(self.words, None))):
            if weight:
                terms = self.terms[:, columns]
                for block in _blocks(len(self)):
                    found[block] += weight * (terms @ terms[block].T.toarray()).T
        if dense:
            for block in _blocks(len(self)):
                found[block] += dense * (self.dense[block] @ self.dense.T)
        return found

    def sums(self, weights: Matrix) -> Matrix:
        """Sums over the records of each feature times a weight, (N, L) to (V + D, L); products as for apply."""
        single = weights.astype(self.dense.dtype)
        return np.vstack([self.terms.T @ single, self.dense.T @ single]).astype(np.float64)

    def sums_of_squares(self, weights: Matrix) -> Matrix:
        """The same of the squares of the features."""
        terms = self.terms
        squared = sparse.csr_matrix((np.square(terms.data), terms.indices, terms.indptr), terms.shape, copy=False)
        return Features(squared, self.words, np.square(self.dense)).sums(weights)


def _blocks(records: int) -> Iterator[slice]:
    return (slice(start, start + _BLOCK) for start in range(0, records, _BLOCK))
