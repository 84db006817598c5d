"""Regret from votes and from pairwise wins, by the model of Bradley and Terry (1952)."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt
from scipy import special

from redheart_core.contract.errors import DataError
from redheart_core.exact.numbers import FloatArray, axes, batch, positive, within


@attrs.frozen(eq=False)
class VoteRegret:
    """What the votes between two options say."""

    share: FloatArray
    """p of the first option, 0..1 without the ends."""
    logit_gap: FloatArray
    """|ln(p / (1 - p))| >= 0: logit regret of the option with fewer votes."""
    probability_gap: FloatArray
    """max(p, 1 - p) - 1/2 in 0..1/2: probability-gap regret of the option with fewer votes."""


def vote_regret(first: npt.ArrayLike, second: npt.ArrayLike, *, smoothed: bool = True) -> VoteRegret:
    """Regret from the votes for two options, Bradley-Terry with two players.

    Args:
        first: (...,) votes >= 0 for the first option.
        second: (...,) votes >= 0 for the second one.
        smoothed: p = (w + 1/2) / (w + l + 1), so that unanimity stays finite; otherwise w / (w + l).

    Raises:
        DataError: There are no votes, or unanimity is not smoothed.
    """
    won, lost = within("votes for the first option", first, 0.0), within("votes for the second option", second, 0.0)
    _ = batch("votes for both options", won.shape, lost.shape)
    positive("the sum of the votes", won + lost, "drop pairs without votes")
    if smoothed:
        won, lost = won + 0.5, lost + 0.5
    elif (won * lost == 0).any():
        raise DataError("unanimous votes have an infinite logit gap; use smoothed=True")
    share = won / (won + lost)
    gap = np.abs(np.log(won) - np.log(lost))
    return VoteRegret(np.asarray(share), np.asarray(gap), np.asarray(np.maximum(share, 1.0 - share) - 0.5))


@attrs.frozen(eq=False)
class BradleyTerry:
    """Strengths of K options from pairwise wins, P(i beats j) = sigmoid(theta_i - theta_j)."""

    theta: FloatArray
    """(K,) logits with sum 0."""

    @property
    def probability(self) -> FloatArray:
        """(K, K) P(row beats column)."""
        return np.asarray(special.expit(self.theta[:, None] - self.theta))

    @property
    def logit_regret(self) -> FloatArray:
        """(K,) max theta - theta >= 0."""
        return np.asarray(self.theta.max() - self.theta)

    @property
    def probability_regret(self) -> FloatArray:
        """(K,) P(best beats i) - 1/2, in 0..1/2."""
        return np.asarray(special.expit(self.logit_regret) - 0.5)


def fit_bradley_terry(wins: npt.ArrayLike) -> BradleyTerry:
    """Maximum likelihood by Newton's method with halved steps.

    Args:
        wins: (K, K) counts >= 0, row beat column; the diagonal is 0.

    Raises:
        DataError: There is no finite maximum, as some options never lost to the rest.
    """
    from scipy.sparse.csgraph import connected_components  # a quarter of a second, which only this function needs

    counts = axes("wins", within("wins", wins, 0.0), "options", "options", least=2)
    size = len(counts)
    if counts.shape != (size, size) or counts.diagonal().any():
        raise DataError(f"wins needs the shape (K, K) with 0 on its diagonal, got {counts.shape}; row beat column")
    parts, part = connected_components(counts > 0, connection="strong")
    if parts > 1:
        groups = [np.flatnonzero(part == number).tolist() for number in range(parts)]
        raise DataError(
            f"the strengths have no finite maximum of likelihood: the groups {groups} do not all beat each other; "
            "add 0.5 to both sides of each compared pair, or fit the groups apart"
        )
    games = counts + counts.T
    theta = np.zeros(size)
    for _ in range(200):
        chance = special.expit(theta[:, None] - theta)
        slope = (counts - games * chance).sum(1)
        weight = games * chance * chance.T
        # a constant everywhere fixes the free direction (1, ..., 1) and leaves the others alone
        step = np.linalg.solve(np.diag(weight.sum(1)) - weight + games.max() / size, slope)
        length = 1.0
        least = _log_likelihood(counts, theta) - 1e-12 * games.sum()  # rounding must not refuse the last steps
        while _log_likelihood(counts, theta + length * step) < least and length > 1e-10:
            length /= 2.0
        theta = theta + length * step
        if np.abs(step).max() < 1e-13 * max(1.0, np.abs(theta).max()):
            break
    return BradleyTerry(theta - theta.mean())


def _log_likelihood(wins: FloatArray, theta: FloatArray) -> float:
    return float((wins * special.log_expit(theta[:, None] - theta)).sum())
