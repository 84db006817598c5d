"""Votes as targets: soft cross entropy, agreement, Dirichlet-multinomial, and the best score that they allow.

Counts are (..., K) votes for K classes; entropies are in nats.
"""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt
from scipy import special

from redheart_core.contract.errors import DataError
from redheart_core.exact.numbers import FloatArray, axes, batch, distribution, positive, shaped, whole, within


def _counts(votes: npt.ArrayLike, least: int = 2) -> FloatArray:
    return axes("votes", within("votes", votes, 0.0), "classes", least=least)


def vote_shares(votes: npt.ArrayLike) -> FloatArray:
    """q = n / sum n along the last axis.

    Raises:
        DataError: An item has no votes.
    """
    counts = _counts(votes, 1)
    return np.asarray(counts / positive("votes per item", counts.sum(-1, keepdims=True), "drop items without votes"))


def entropy(shares: npt.ArrayLike) -> FloatArray:
    """H(q) = -sum q ln q in nats, >= 0; of votes it is low by about (K - 1) / (2 n), see `entropy_bias`."""
    return np.asarray(special.entr(distribution("shares", shares)).sum(-1))


def entropy_bias(classes: int, votes: npt.ArrayLike) -> FloatArray:
    """(K - 1) / (2 n) nats: by about how much the entropy of n votes is below that of their source (Miller 1955)."""
    return np.asarray((int(whole("classes", classes, 1)) - 1) / (2.0 * positive("votes", votes)))


@attrs.frozen(eq=False)
class SoftCrossEntropy:
    """A prediction p against shares q, each (...,) in nats."""

    cross_entropy: FloatArray
    """CE(q, p) = -sum q ln p >= H(q); infinity where p is 0 and q is not."""
    entropy: FloatArray
    """H(q): the least cross entropy."""
    excess: FloatArray
    """KL(q || p) = CE - H >= 0, 0 only for p = q."""


def soft_cross_entropy(shares: npt.ArrayLike, prediction: npt.ArrayLike) -> SoftCrossEntropy:
    """Compare shares (..., K) with predicted probabilities (..., K); classes without votes contribute 0."""
    q = distribution("shares", shares)
    p = distribution("prediction", prediction, q.shape[-1])
    _ = batch("shares and prediction", q.shape, p.shape)
    return SoftCrossEntropy(
        cross_entropy=np.asarray(-special.xlogy(q, p).sum(-1)),
        entropy=np.asarray(special.entr(q).sum(-1)),
        excess=np.asarray(special.rel_entr(q, p).sum(-1)),
    )


@attrs.frozen
class Agreement:
    """The kappa of Fleiss (1971) and its parts."""

    observed: float
    """Mean over items of P_i = (sum n_ik^2 - n) / (n (n - 1)), 0..1."""
    chance: float
    """P_e = sum of squared class shares, 0..1."""
    kappa: float
    """(observed - chance) / (1 - chance), at most 1; NaN if all votes fall on one class."""


def fleiss_kappa(votes: npt.ArrayLike) -> Agreement:
    """Agreement of equally many raters per item, votes (items, K).

    Raises:
        DataError: Items have different numbers of raters, or fewer than two.
    """
    counts = axes("votes", _counts(votes, 1), "items", "classes")
    shaped("votes", counts, counts.shape[-2:], "items, classes")
    raters = counts.sum(1)
    if (raters != raters[0]).any() or raters[0] < 2:
        raise DataError(
            f"Fleiss' kappa needs the same number of raters, at least 2, for each item, got {raters.min():g} to "
            f"{raters.max():g}; draw equally many votes from each"
        )
    n = float(raters[0])
    observed = float((((counts**2).sum(1) - n) / (n * (n - 1.0))).mean())
    shares = counts.sum(0) / counts.sum()
    chance = float((shares**2).sum())
    kappa = float("nan") if (shares == 1.0).any() else (observed - chance) / (1.0 - chance)
    return Agreement(observed, chance, kappa)


def _alpha(alpha: npt.ArrayLike, classes: int) -> FloatArray:
    array = axes("alpha", positive("alpha", alpha, "every class needs a prior weight"), "classes", least=2)
    if array.shape[-1] != classes:
        raise DataError(f"alpha needs {classes} numbers on its last axis, got {array.shape}; give one per class")
    return array


def log_likelihood(alpha: npt.ArrayLike, votes: npt.ArrayLike) -> FloatArray:
    """Dirichlet-multinomial ln L of each item in nats, for its votes in their order (no multinomial coefficient).

    Args:
        alpha: (K,) > 0 or broadcastable to (..., K).
        votes: (..., K).

    Returns:
        (...,); its sum is that of a data set.
    """
    counts = _counts(votes)
    a = _alpha(alpha, counts.shape[-1])
    _ = batch("alpha and votes", a.shape, counts.shape)
    total, size = a.sum(-1), counts.sum(-1)
    by_class = (special.gammaln(a + counts) - special.gammaln(a)).sum(-1)
    return np.asarray(special.gammaln(total) - special.gammaln(total + size) + by_class)


@attrs.frozen(eq=False)
class DirichletMultinomial:
    """The maximum of likelihood."""

    alpha: FloatArray
    """(K,) > 0; the posterior of an item with votes n is Dir(alpha + n)."""
    log_likelihood: float
    """Nats, of all items."""


def fit_dirichlet_multinomial(votes: npt.ArrayLike) -> DirichletMultinomial:
    """Fit alpha by maximum likelihood on ln alpha.

    Args:
        votes: (items, K).

    Raises:
        DataError: There is no maximum: a class without votes, items that differ no more than chance would make them,
            unanimous items only, or items of one vote only.
    """
    from scipy.optimize import minimize  # half a second, which only this function needs

    counts = axes("votes", _counts(votes), "items", "classes")
    shaped("votes", counts, counts.shape[-2:], "items, classes")
    if (counts.sum(0) == 0).any():
        empty = np.flatnonzero(counts.sum(0) == 0).tolist()
        raise DataError(f"the classes {empty} have no votes, their alpha would be 0; leave them out")
    if (counts.max(1) == counts.sum(1)).all():
        raise DataError("every item is unanimous or has one vote, so alpha has no maximum; collect more votes per item")

    def loss_and_slope(log_alpha: FloatArray) -> tuple[float, FloatArray]:
        a = np.exp(log_alpha)
        size = counts.sum(1)
        common = (special.digamma(a.sum()) - special.digamma(a.sum() + size)).sum()
        slope = a * (common + (special.digamma(a + counts) - special.digamma(a)).sum(0))
        return -float(log_likelihood(a, counts).sum()), -slope

    most = 12.0  # beyond e^12 the items differ no more than multinomial ones
    start = np.log(counts.sum(0) / counts.sum() * counts.shape[1])
    found = minimize(
        loss_and_slope,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[(-most, most)] * len(start),
        options={"maxiter": 1000, "ftol": 1e-15, "gtol": 1e-9},
    )
    if np.abs(found.x).max() > most - 1.0:
        raise DataError(
            "alpha has no finite maximum of likelihood, the items differ no more than chance would make them; "
            "use their common shares instead"
        )
    return DirichletMultinomial(np.exp(found.x), -float(found.fun))


def best_cross_entropy(alpha: npt.ArrayLike, votes: npt.ArrayLike) -> FloatArray:
    """Expected cross entropy of a draw p ~ Dir(alpha + n) against the observed votes of each item, in nats (...,).

    sum_k q_k [psi(A + n) - psi(alpha_k + n_k)] (Lourie et al. 2021); average it over items.
    """
    counts = _counts(votes)
    q = vote_shares(counts)
    posterior = _alpha(alpha, counts.shape[-1]) + counts
    gap = special.digamma(posterior.sum(-1, keepdims=True)) - special.digamma(posterior)
    return np.asarray((q * gap).sum(-1))


def fresh_entropy(alpha: npt.ArrayLike) -> FloatArray:
    """E[H(p)] for p ~ Dir(alpha), in nats: with alpha + n the expected cross entropy of p against fresh labels.

    Args:
        alpha: (..., K) > 0.
    """
    a = _alpha(alpha, np.shape(alpha)[-1] if np.ndim(alpha) else 0)
    total = a.sum(-1, keepdims=True)
    return np.asarray(special.digamma(total[..., 0] + 1.0) - (a / total * special.digamma(a + 1.0)).sum(-1))


def argmax_probabilities(alpha: npt.ArrayLike) -> FloatArray:
    """P(p_k is the largest) for p ~ Dir(alpha), (..., K) > 0 to (..., K).

    K = 2 by the incomplete beta function; otherwise the integral over u = F_k in 0..1 of the product of the other
    gamma distribution functions.

    Raises:
        DataError: The integral fails to sum to 1 within 1e-6, as for very small alpha.
    """
    a = _alpha(alpha, np.shape(alpha)[-1] if np.ndim(alpha) else 0)
    if a.shape[-1] == 2:
        first = special.betaincc(a[..., 0], a[..., 1], 0.5)
        return np.stack([first, special.betainc(a[..., 0], a[..., 1], 0.5)], -1)
    rows = a.reshape(-1, a.shape[-1])
    result = np.array([[_largest(row, k) for k in range(len(row))] for row in rows])
    off = np.abs(result.sum(-1) - 1.0)
    if off.max() > 1e-6:
        raise DataError(
            f"the probabilities of the largest class sum to 1 only within {off.max():.2g} for alpha = "
            f"{rows[off.argmax()].tolist()}; smaller alpha than about 0.1 need another method"
        )
    return result.reshape(a.shape)


def _largest(alpha: FloatArray, k: int) -> float:
    from scipy.integrate import quad  # a third of a second, which two classes do not need

    others = np.delete(alpha, k)
    # full_output, as the caller checks the sum, which says more than a warning
    value, *_ = quad(
        lambda u: float(special.gammainc(others, special.gammaincinv(alpha[k], u)).prod()),
        0.0,
        1.0,
        epsabs=1e-12,
        epsrel=1e-12,
        limit=200,
        full_output=1,
    )
    return float(value)


def best_accuracy(alpha: npt.ArrayLike, votes: npt.ArrayLike) -> FloatArray:
    """P(argmax p = argmax n) of each item for p ~ Dir(alpha + n), (...,) in 0..1; the first class of equal votes."""
    counts = _counts(votes)
    positive("votes per item", counts.sum(-1), "drop items without votes")
    chances = argmax_probabilities(_alpha(alpha, counts.shape[-1]) + counts)
    return np.asarray(np.take_along_axis(chances, counts.argmax(-1)[..., None], -1)[..., 0])
