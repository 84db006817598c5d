"""Preferences of pairs with a Gaussian process prior over the numbers of acts (Chu and Ghahramani 2005).

Shapes: N pairs, A different acts. Vectors have length 1, and two acts are as alike as exp(sharpness * (cosine - 1)).
"""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.special import expit

from redheart_core import DataError
from redheart_core.exact.leaving_out import balanced_folds

Matrix = NDArray[np.float64]

SHARPNESSES = (1.5, 3.0, 6.0)
VARIANCES = (1.0, 2.0, 4.0, 8.0)
"""Of the prior of an act's number."""
FOLDS = 5
MOST_STEPS = 50
TOLERANCE = 1e-6


@attrs.frozen
class Prior:
    """Of the numbers of acts."""

    sharpness: float
    variance: float


@attrs.frozen(eq=False)
class Pairs:
    """Pairs of acts and how the votes on them went."""

    acts: Matrix
    """(A, D), each of length 1."""
    first: NDArray[np.int64]
    """(N,) places in acts."""
    second: NDArray[np.int64]
    """(N,) likewise."""
    shares: Matrix
    """(N,) of the votes that find the first act less ethical."""

    def __len__(self) -> int:
        return len(self.first)

    def of(self, rows: NDArray[np.bool_]) -> Pairs:
        """Some of the pairs; all acts stay."""
        return attrs.evolve(self, first=self.first[rows], second=self.second[rows], shares=self.shares[rows])

    def joined(self, others: Pairs) -> Pairs:
        """Both; an act of both comes twice, which changes no number."""
        return Pairs(
            np.concatenate([self.acts, others.acts]),
            np.concatenate([self.first, others.first + len(self.acts)]),
            np.concatenate([self.second, others.second + len(self.acts)]),
            np.concatenate([self.shares, others.shares]),
        )


def fit(pairs: Pairs, prior: Prior, alike: Matrix | None = None) -> Matrix:
    """Weights of the acts, (A,): the number of an act is the sum of these times how alike it is to each.

    The most probable numbers, by Newton's method in the space of pairs (Rasmussen and Williams 2006, algorithm 3.1).

    Args:
        pairs: At least one.
        prior: Of the numbers.
        alike: What likeness gives for the acts, if it is known.

    Raises:
        DataError: They were not reached.
    """
    alike = likeness(pairs.acts, pairs.acts, prior.sharpness) if alike is None else alike
    first, second = pairs.first, pairs.second
    between = alike[np.ix_(first, first)] - alike[np.ix_(first, second)]
    between = prior.variance * (between - alike[np.ix_(second, first)] + alike[np.ix_(second, second)])
    difference = np.zeros(len(pairs))
    for _ in range(MOST_STEPS):
        chance = expit(difference)
        slack = chance * (1.0 - chance)
        working = difference + (pairs.shares - chance) / slack
        force = cho_solve(cho_factor(between + np.diag(1.0 / slack), lower=True), working)
        last, difference = difference, between @ force
        if np.abs(difference - last).max() < TOLERANCE:
            weights = np.zeros(len(pairs.acts))
            np.add.at(weights, first, prior.variance * force)
            np.add.at(weights, second, -prior.variance * force)
            return weights
    raise DataError(f"the preferences of {len(pairs)} pairs were not fitted in {MOST_STEPS} steps of Newton's method")


def choose(pairs: Pairs, folds: NDArray[np.int64]) -> tuple[Prior, Matrix]:
    """The prior with the least cross-entropy of pairs whose acts were not learnt from, and the numbers that it then
    gives both acts of each pair out-of-fold, (N, 2).

    Args:
        pairs: All that may be fitted on.
        folds: (N,), at least two of them.
    """
    found: dict[Prior, Matrix] = {}
    for sharpness in SHARPNESSES:
        alike = likeness(pairs.acts, pairs.acts, sharpness)
        for variance in VARIANCES:
            prior = Prior(sharpness, variance)
            numbers = np.empty((len(pairs), 2))
            for fold in np.unique(folds):
                held = folds == fold
                blame = alike @ fit(pairs.of(~held), prior, alike)
                numbers[held] = np.stack([blame[pairs.first[held]], blame[pairs.second[held]]], -1)
            found[prior] = numbers
    best = min(found, key=lambda prior: cross_entropy(found[prior][:, 0] - found[prior][:, 1], pairs.shares))
    return best, found[best]


def cross_entropy(difference: Matrix, shares: Matrix) -> float:
    """Mean over the pairs, in nats per vote."""
    return float((np.logaddexp(0.0, difference) - shares * difference).mean())


def likeness(first: Matrix, second: Matrix, sharpness: float) -> Matrix:
    """(A, D) and (B, D) to (A, B)."""
    return np.asarray(np.exp(sharpness * (first @ second.T - 1.0)))


def folds_of(pairs: Pairs, order: NDArray[np.int64]) -> NDArray[np.int64]:
    """A fold for each pair, (N,), so that pairs which share acts or are near-duplicates, directly or through others,
    stay in one.

    Args:
        pairs: All.
        order: (N,) places in an order by chance, equal for near-duplicates.

    Raises:
        DataError: They all hang together.
    """
    size = len(pairs.acts)
    _, heads, own = np.unique(order, return_index=True, return_inverse=True)
    ends = np.concatenate([pairs.first, pairs.first]), np.concatenate([pairs.second, pairs.first[heads][own]])
    _, parts = connected_components(coo_matrix((np.ones(2 * len(pairs)), ends), shape=(size, size)), directed=False)
    part = parts[pairs.first]
    ranks = np.full(size, len(pairs))
    np.minimum.at(ranks, part, order)
    folds = balanced_folds(ranks[part], FOLDS)
    if len(np.unique(folds)) < FOLDS:
        raise DataError(
            f"{len(pairs)} pairs of acts hang together by acts that they share or as near-duplicates, and {FOLDS} sets "
            "that do not are needed to choose how much to learn; give more pairs, or a smaller acts_together"
        )
    return folds
