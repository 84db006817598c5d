"""Which hidden units of a feed-forward block are removed, and what the others have to do instead.

The removed units are those without which the block's result changes least on some activations, when the output map is
corrected by least squares at the same time: the optimal brain surgeon (Hassibi and Stork 1993) for whole rows of a
matrix, as ZipLM (Kurtic et al. 2023) has it for structures of transformers. In closed form, without random numbers.

Shapes: U hidden units, O numbers of the result, N rows of activations.
"""

from __future__ import annotations

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from redheart_core.exact.numbers import FloatArray

DAMPING = 1e-6
"""Of the mean second moment of the units, how much a change of a weight costs by itself: what few rows leave open stays
near the old weights."""
TOGETHER = 512
"""Rows of activations that are multiplied at once."""
POOL = 64
"""Units among which the next ones to remove are compared exactly."""
AT_ONCE = 8
"""Units removed before all others are compared anew."""


class Moments:
    """Sums of the products of activations and of 1, for the bias: (U + 1, U + 1) float64."""

    def __init__(self, units: int) -> None:
        self.units = units
        self._rows = 0
        self._sums = torch.zeros(units + 1, units + 1, dtype=torch.float64)
        self._waiting: list[Tensor] = []

    def add(self, activations: Tensor) -> None:
        """Count (..., U) activations; rows with a missing number (NaN) do not count."""
        rows = activations.detach().flatten(0, -2)
        self._waiting.append(rows[rows.isfinite().all(-1)])
        if sum(map(len, self._waiting)) >= TOGETHER:
            self._count()

    def _count(self) -> None:
        rows = torch.cat([*self._waiting, self._sums.new_zeros(0, self.units)])  # whose float64 all take
        rows = torch.cat([rows, rows.new_ones(len(rows), 1)], -1)
        self._sums.addmm_(rows.T, rows)
        self._rows += len(rows)
        self._waiting.clear()

    @property
    def rows(self) -> int:
        """N."""
        self._count()
        return self._rows

    def mean(self) -> FloatArray:
        """Second moments, (U + 1, U + 1), damped."""
        found: FloatArray = (self._sums / self.rows).numpy()
        found.flat[:: len(found) + 1] += DAMPING * found.diagonal()[:-1].mean()
        return found


@attrs.frozen(eq=False)
class Remaining:
    """A block after its pruning."""

    units: tuple[int, ...]
    """Those that are left, ascending."""
    weights: FloatArray
    """(len(units) + 1, O), the last row the bias: what the output map is now."""


def remove_units(moments: FloatArray, weights: FloatArray, left: int) -> Remaining:
    """Remove hidden units until some are left.

    Args:
        moments: (U + 1, U + 1) second moments of the activations and of 1, positive definite.
        weights: (U + 1, O) of the output map, the last row the bias.
        left: How many units to leave, 1..U.
    """
    inverse, now = np.asarray(np.linalg.inv(moments), np.float64), weights
    there = np.arange(len(weights))
    while len(there) - 1 > left:
        removed = _next(inverse, now, min(AT_ONCE, len(there) - 1 - left))
        kept = np.setdiff1d(np.arange(len(there)), removed)
        share = np.linalg.solve(inverse[np.ix_(removed, removed)], inverse[np.ix_(removed, kept)])
        now = now[kept] - np.asarray(share.T @ now[removed], np.float64)
        inverse = inverse[np.ix_(kept, kept)] - np.asarray(inverse[np.ix_(kept, removed)] @ share, np.float64)
        there = there[kept]
    return Remaining(tuple(int(unit) for unit in there[:-1]), corrected(moments, weights, there))


def corrected(moments: FloatArray, weights: FloatArray, there: NDArray[np.intp]) -> FloatArray:
    """The map of what is there that is nearest to the whole map, by least squares: (len(there), O)."""
    gone = np.setdiff1d(np.arange(len(weights)), there)
    own, across = moments[np.ix_(there, there)], moments[np.ix_(there, gone)]
    found: FloatArray = weights[there] + np.linalg.solve(own, across @ weights[gone])
    return found


def _next(inverse: FloatArray, weights: FloatArray, number: int) -> NDArray[np.intp]:
    """The units to remove next, of which each costs least when those before it are gone.

    A unit costs the square of its weights by its entry of the inverse moments, which is how much the squared error of
    the result grows, per row of activations.
    """
    costs = np.square(weights[:-1]).sum(1) / inverse.diagonal()[:-1]
    pool = np.sort(np.argsort(costs, kind="stable")[:POOL])
    part, own = inverse[np.ix_(pool, pool)], weights[pool]
    found: list[int] = []
    open_ = np.ones(len(pool), dtype=bool)
    for _ in range(number):
        costs = np.where(open_, np.square(own).sum(1) / np.where(open_, part.diagonal(), 1.0), np.inf)
        best = int(costs.argmin())
        found.append(int(pool[best]))
        open_[best] = False
        column = part[:, best] / part[best, best]
        own = own - np.outer(column, own[best])
        part = part - np.outer(column, part[best])
    return np.array(found)
