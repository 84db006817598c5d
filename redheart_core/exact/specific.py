"""Specific information of every tuple of sources about each state of a target."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import combinations

import attrs
import numpy as np
from numpy.typing import ArrayLike, NDArray

from redheart_core.contract.errors import DataError
from redheart_core.exact.samples import real_array

MAX_SOURCES = 9
"""There are 2^n - 1 tuples of n sources."""

SourceTuple = tuple[int, ...]
"""Ascending source numbers, counted from 1."""


@attrs.frozen(eq=False)
class JointTable:
    """The occupied cells of a joint distribution; memory follows their number, not that of all cells."""

    keys: NDArray[np.int64]
    """(M,) ascending, no number twice: place of the cell in the C-ordered array of shape (*shape, targets)."""
    weights: NDArray[np.float64]
    """(M,) positive, of any common scale."""
    shape: tuple[int, ...]
    """States of each source."""
    targets: int
    """States of the target."""

    def without(self, axis: int) -> JointTable:
        """The table summed over one source."""
        below = math.prod(self.shape[axis + 1 :]) * self.targets
        high, low = np.divmod(self.keys, below)
        shape = self.shape[:axis] + self.shape[axis + 1 :]
        return merged(high // self.shape[axis] * below + low, self.weights, shape, self.targets)


@attrs.frozen(eq=False)
class SpecificInformation:
    """i_A(t) for every tuple A; target states that never occur are left out.

    i_A(t) = sum_a p(a|t) log2(p(t|a) / p(t)) = KL(p(a|t) || p(a)): the surprise of DeWeese and Meister (1999), which
    Williams and Beer (2010) call specific information.
    """

    target_probability: NDArray[np.float64]
    """(T,) p(t), all positive."""
    values: Mapping[SourceTuple, NDArray[np.float64]]
    """Tuple to (T,) bits, all >= 0; shorter tuples first, then in the order of their numbers."""
    sources: int
    cells: int
    """Occupied joint cells of target and all sources."""

    @property
    def target_entropy(self) -> float:
        """H(T) in bits."""
        p = self.target_probability
        return max(0.0, -float(p @ np.log2(p)))

    def mutual_information(self, sources: SourceTuple) -> float:
        """I(T; Q_A) = sum_t p(t) i_A(t) in bits."""
        return float(self.target_probability @ self.values[sources])

    def of_order(self, order: int) -> list[SourceTuple]:
        """All tuples of that many sources."""
        return list(combinations(range(1, self.sources + 1), order))


def table_of_array(pmf: ArrayLike) -> JointTable:
    """The occupied cells of an array.

    Args:
        pmf: Probabilities, counts or other weights of any scale, all >= 0: the target on axis 0, source i on axis i.
            Not smoothed and not modified.

    Raises:
        DataError: Fewer than two axes, negative, NaN, infinite or all-zero weights, too many sources.
    """
    array = real_array("the joint distribution", pmf)
    if array.ndim < 2:
        raise DataError(
            f"a joint distribution has the target on axis 0 and a source on each other axis, got shape {array.shape}; "
            "for samples use decompose_samples"
        )
    _check_number_of_sources(array.ndim - 1)
    if array.min() < 0:
        raise DataError(
            f"probabilities or counts have to be >= 0, the smallest is {array.min():g}; "
            "pass weights, not logarithms or differences"
        )
    largest = array.max()
    if largest == 0:
        raise DataError("all probabilities or counts are 0, so there is no distribution; at least one has to be > 0")
    array = np.moveaxis(array / largest, 0, -1)  # a sum of huge weights could overflow
    flat = array.ravel()
    keys = np.flatnonzero(flat)
    return JointTable(keys, flat[keys], array.shape[:-1], array.shape[-1])


def cell_keys(
    target: NDArray[np.int64], sources: NDArray[np.int64], shape: tuple[int, ...], targets: int
) -> NDArray[np.int64]:
    """The key of each sample's joint cell.

    Args:
        target: (N,) codes.
        sources: (N, n) codes.
        shape: How many codes each source has.
        targets: How many codes the target has.

    Raises:
        DataError: Too many sources, or keys beyond 64 bits.
    """
    _check_number_of_sources(len(shape))
    if math.prod(shape) * targets >= 2**63:
        raise DataError(
            f"{targets} target states and {' x '.join(map(str, shape))} source states are more joint states than "
            "64 bits can number; use fewer bins or fewer sources"
        )
    keys = np.zeros(len(target), np.int64)
    for column, size in zip(sources.T, shape, strict=True):
        keys = keys * size + column
    return keys * targets + target


def merged(
    keys: NDArray[np.int64], weights: NDArray[np.float64] | None, shape: tuple[int, ...], targets: int
) -> JointTable:
    """The table of cells that may come several times and in any order; without weights each counts 1."""
    size = math.prod(shape) * targets
    if size <= 4 * len(keys) + 1024:
        dense = _sums(keys, weights, size)
        occupied = dense.nonzero()[0]
        return JointTable(occupied, dense[occupied], shape, targets)
    if weights is None:
        ordered = np.sort(keys)
        starts = _run_starts(ordered)
        sums = np.diff(np.append(starts, len(ordered))).astype(np.float64)
    else:
        order = np.argsort(keys, kind="stable")  # keys come in sorted runs, which a merge sort makes use of
        ordered = keys[order]
        starts = _run_starts(ordered)
        sums = np.add.reduceat(weights[order], starts)
    return JointTable(ordered[starts], sums, shape, targets)


def of_table(table: JointTable) -> SpecificInformation:
    """The specific information of every tuple; each table is summed from the smallest one that has one source more."""
    n = len(table.shape)
    target = _sums(table.keys % table.targets, table.weights, table.targets)
    present = np.flatnonzero(target)
    everything = tuple(range(1, n + 1))
    level = {everything: table}
    values = {everything: _bits(table, target)[present]}
    for order in range(n - 1, 0, -1):
        above, level = level, {}
        for sources in combinations(everything, order):
            parents = [parent for parent in above if set(sources) < set(parent)]
            parent = min(parents, key=lambda parent: len(above[parent].keys))
            (axis,) = (place for place, source in enumerate(parent) if source not in sources)
            level[sources] = above[parent].without(axis)
            values[sources] = _bits(level[sources], target)[present]
    ordered = {sources: values[sources] for sources in sorted(values, key=lambda sources: (len(sources), sources))}
    return SpecificInformation(target[present] / target.sum(), ordered, n, len(table.keys))


def _bits(table: JointTable, target: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T,) i_A(t) of all the table's sources together; 0 at states that never occur."""
    states, t = np.divmod(table.keys, table.targets)
    place = np.zeros(len(states), np.int64)
    np.cumsum(states[1:] != states[:-1], out=place[1:])
    source = np.bincount(place, table.weights)[place]
    ratio = np.log2(table.weights / source) - np.log2(target[t] / target.sum())
    total = _sums(t, table.weights * ratio, table.targets)
    # never negative but for rounding
    return np.maximum(total / np.where(target > 0, target, 1.0), 0.0)


def _sums(places: NDArray[np.int64], weights: NDArray[np.float64] | None, size: int) -> NDArray[np.float64]:
    """(size,) sum of the weights at each place."""
    return np.bincount(places, weights, minlength=size).astype(np.float64)


def _run_starts(ordered: NDArray[np.int64]) -> NDArray[np.intp]:
    """Where each run of equal numbers begins."""
    return np.concatenate([[0], np.flatnonzero(ordered[1:] != ordered[:-1]) + 1])


def _check_number_of_sources(n: int) -> None:
    if not 1 <= n <= MAX_SOURCES:
        raise DataError(
            f"1 to {MAX_SOURCES} sources are supported, got {n}; choose some, or number the joint states of several "
            "columns and pass them as one source"
        )
