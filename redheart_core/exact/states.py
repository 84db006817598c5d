"""Samples into discrete states: quantile bins and integer codes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from redheart_core.contract.errors import DataError
from redheart_core.exact.samples import sample_columns, whole_number

LARGEST_EXACT = 2.0**53


def quantile_edges(values: ArrayLike, bins: int) -> NDArray[np.float64]:
    """The inner edges of `bins` quantile bins: the i/bins quantiles (linear interpolation), i = 1 .. bins - 1.

    Args:
        values: (N,) or (N, D) finite numbers.
        bins: At least 2.

    Returns:
        (bins - 1, D), ascending in each column.
    """
    whole_number("bins", bins, 2)
    columns = sample_columns("values", values)
    edges: NDArray[np.float64] = np.quantile(columns, np.arange(1, bins) / bins, axis=0)
    return edges


def quantile_bins(values: ArrayLike, bins: int) -> NDArray[np.int64]:
    """Bin number 0 .. bins - 1 of each value; bins are right-open, so a value on an edge is in the bin above it.

    The edges are those of the values given. For a series, bin the whole series before
    it is cut into present and future, so that both use the same edges. The first and
    last bin reach to infinity. Equal values never part: with many ties some bins stay
    empty, and a constant column is all in the last bin.

    Args:
        values: (N,) or (N, D) finite numbers.
        bins: At least 2.

    Returns:
        Whole numbers in the shape of the values.
    """
    edges = quantile_edges(values, bins)
    columns = sample_columns("values", values)
    found = [np.searchsorted(edge, column, side="right") for edge, column in zip(edges.T, columns.T, strict=True)]
    return np.stack(found, axis=1).astype(np.int64).reshape(np.shape(values))


def state_codes(name: str, columns: NDArray[np.float64], bins: int | None) -> tuple[NDArray[np.int64], tuple[int, ...]]:
    """Codes from 0 of each column's states.

    Args:
        name: For messages.
        columns: (N, D) finite numbers.
        bins: Quantile bins for each column, or None where the numbers are states already.

    Returns:
        (N, D) codes and how many codes each column has at most (some may not occur).

    Raises:
        DataError: Without bins a number is not whole.
    """
    if bins is not None:
        return quantile_bins(columns, bins), (bins,) * columns.shape[1]
    if np.any(columns != np.rint(columns)) or np.any(np.abs(columns) > LARGEST_EXACT):
        raise DataError(
            f"{name} holds numbers that are not whole, so they are no states; pass bins=8 (quantile bins) "
            "or give integer codes"
        )
    coded = [_codes(column) for column in columns.T]
    return np.stack([codes for codes, _ in coded], axis=1), tuple(size for _, size in coded)


def _codes(column: NDArray[np.float64]) -> tuple[NDArray[np.int64], int]:
    lowest = column.min()
    span = column.max() - lowest
    if span <= len(column) + 1024:  # codes with gaps are as good, and need no sorting
        return (column - lowest).astype(np.int64), int(span) + 1
    found, codes = np.unique(column, return_inverse=True)
    return codes.astype(np.int64), len(found)
