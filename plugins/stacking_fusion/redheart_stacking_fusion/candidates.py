"""How weights may be found, from simple to rich, and which of the ways is worth its freedom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import attrs
import numpy as np
from numpy.typing import NDArray

from redheart_core import DataError
from redheart_stacking_fusion.evidence import Evidence, Mask, Matrix

RIDGE = 50.0
"""Label-wise weights are drawn to the shared ones as if these were learnt from so many records more."""
GAP = 1e-5
"""How much a solution may lose against the best one, by the Frank-Wolfe bound."""
STEPS = 500


def uniform_weights(evidence: Evidence) -> Matrix:
    """The plain mean of the members, without intercept."""
    count, _, size = evidence.members.shape
    weights = np.full((count, size), 1 / count)
    return np.vstack([weights, np.zeros(size)]) if evidence.kind == "values" else weights


def best_member(evidence: Evidence) -> Matrix:
    """All weight on the member of the least loss, the first of equals, without intercept."""
    count, _, size = evidence.members.shape
    alone = [np.repeat(row[:, None], size, axis=1) for row in np.eye(count)]
    if evidence.kind == "values":
        alone = [np.vstack([weights, np.zeros(size)]) for weights in alone]
    return min(alone, key=lambda weights: float(evidence.losses(weights).mean()))


def shared_weights(evidence: Evidence) -> Matrix:
    """One weight per member for all labels, none negative: with an intercept per label, or with the sum 1."""
    count, _, size = evidence.members.shape
    if evidence.kind == "values":
        members, targets, means, target_means = _centred(evidence)
        weights = np.repeat(_nnls(members.reshape(count, -1).T, targets.ravel())[:, None], size, axis=1)
        return np.vstack([weights, target_means - (weights * means).sum(0)])

    def objective(weights: Matrix) -> tuple[float, Matrix]:
        spread = np.repeat(weights.T, size, axis=1)
        return float(evidence.losses(spread).mean()), evidence.gradient(spread).sum(1)[None]

    return np.repeat(_on_simplex(objective, np.full((1, count), 1 / count)).T, size, axis=1)


def label_weights(evidence: Evidence) -> Matrix:
    """Weights of each label's own, none negative, drawn towards the shared ones."""
    shared = shared_weights(evidence)
    count, _, size = evidence.members.shape
    if evidence.kind == "values":
        members, targets, means, target_means = _centred(evidence)
        pull = np.sqrt(RIDGE * np.square(members).mean()) * np.eye(count)
        rows = [np.vstack([members[:, :, label].T, pull]) for label in range(size)]
        aims = [np.concatenate([targets[:, label], pull @ shared[:-1, label]]) for label in range(size)]
        weights = np.stack([_nnls(a, b) for a, b in zip(rows, aims, strict=True)], axis=1)
        return np.vstack([weights, target_means - (weights * means).sum(0)])
    if evidence.kind == "labels":
        return np.hstack([_drawn(evidence.of_label(label), shared[:, label : label + 1]) for label in range(size)])
    return _drawn(evidence, shared)


CANDIDATES: tuple[str, ...] = ("uniform", "best member", "shared", "by label")
"""From simple to rich."""
_FITS: Mapping[str, Callable[[Evidence], Matrix]] = MappingProxyType(
    dict(zip(CANDIDATES, (uniform_weights, best_member, shared_weights, label_weights), strict=True))
)


@attrs.frozen(eq=False)
class Choice:
    """The candidate that was taken, and why."""

    candidate: str
    weights: Matrix
    """Found on all records."""
    losses: Matrix
    """(C,) of each candidate: the mean loss of the records, each by weights that have not seen it."""
    standard_errors: Matrix
    """(C,) of the difference from the least loss, record by record."""


def choose(evidence: Evidence, folds: NDArray[np.int64]) -> Choice:
    """The candidate of the least cross-fitted loss, the simplest of equals, among those that lose no more than the best
    member on all records. The best member is a candidate itself, so that the choice is never worse than it, be it on
    records that the weights have seen or on those that they have not.

    Raises:
        DataError: Two records or less, or all in one fold.
    """
    if len(folds) < 3 or len(np.unique(folds)) < 2:
        raise DataError(
            "stacking is evaluated on other records than it learns from, which needs at least 3 records in 2 folds, "
            f"got {len(folds)} in {len(np.unique(folds))}; give more validation records that are no "
            "near-duplicates"
        )
    losses = np.stack([cross_fit(fit, evidence, folds) for fit in _FITS.values()])
    means = losses.mean(1)
    apart = losses - losses[means.argmin()]
    errors = apart.std(1, ddof=1) / np.sqrt(len(folds))
    found = {name: fit(evidence) for name, fit in _FITS.items()}
    limit = evidence.losses(found["best member"]).mean()
    allowed = np.array([evidence.losses(weights).mean() <= limit for weights in found.values()])
    place = int(np.where(allowed, means, np.inf).argmin())
    return Choice(CANDIDATES[place], found[CANDIDATES[place]], means, errors)


def cross_fit(fit: Callable[[Evidence], Matrix], evidence: Evidence, folds: NDArray[np.int64]) -> Matrix:
    """Each record's loss by weights from the other folds, (N,)."""
    losses = np.empty(len(folds))
    for fold in np.unique(folds):
        held: Mask = folds == fold
        losses[held] = evidence.of(held).losses(fit(evidence.of(~held)))
    return losses


def _drawn(evidence: Evidence, shared: Matrix) -> Matrix:
    """Weights of probabilities that are drawn towards shared ones, (M, L)."""
    pull = RIDGE * evidence.information(shared) / len(evidence.targets)

    def objective(weights: Matrix) -> tuple[float, Matrix]:
        away = weights.T - shared
        value = evidence.losses(weights.T).mean() + pull * np.square(away).sum()
        return float(value), (evidence.gradient(weights.T) + 2 * pull * away).T

    return _on_simplex(objective, shared.T).T


def _centred(evidence: Evidence) -> tuple[Matrix, Matrix, Matrix, Matrix]:
    """Members (M, N, L) and targets (N, L) about their means over the records that have each label, and the means.

    Both are scaled by the square root of what a number counts in the loss, 0 if it is missing.
    """
    share = evidence.number_weights * evidence.present
    total = share.sum(0)
    if not total.all():
        raise DataError(f"{int((total == 0).sum())} labels are missing in all of {len(share)} records")
    means = (evidence.members * share).sum(1) / total
    target_means = (evidence.targets * share).sum(0) / total
    root = np.sqrt(share)
    return root * (evidence.members - means[:, None]), root * (evidence.targets - target_means), means, target_means


def _nnls(rows: Matrix, aims: Matrix) -> Matrix:
    """The least of |rows w - aims| over w >= 0."""
    from scipy.optimize import nnls  # half a second, which only fits need

    weights: Matrix = nnls(rows, aims)[0]
    return weights


def _on_simplex(objective: Callable[[Matrix], tuple[float, Matrix]], start: Matrix) -> Matrix:
    """The least of a function of rows (R, M) that each have the sum 1 and no negative number; it gives a gradient too.

    Raises:
        DataError: What was found may be worse than the best by more than GAP.
    """
    from scipy.optimize import minimize  # as above

    rows, members = start.shape

    def flat(weights: Matrix) -> tuple[float, Matrix]:
        value, gradient = objective(weights.reshape(start.shape))
        return value, gradient.ravel()

    sums = np.kron(np.eye(rows), np.ones(members))
    found = minimize(
        flat,
        start.ravel(),
        jac=True,
        method="SLSQP",
        bounds=[(0.0, 1.0)] * start.size,
        constraints={"type": "eq", "fun": lambda weights: sums @ weights - 1, "jac": lambda _: sums},
        options={"maxiter": STEPS, "ftol": 1e-14},
    )
    weights: Matrix = np.maximum(found.x.reshape(start.shape), 0.0)
    weights /= weights.sum(1, keepdims=True)
    _, gradient = objective(weights)
    gap = float((gradient * weights).sum() - gradient.min(1).sum())
    if not gap <= GAP:
        raise DataError(f"stacking found weights that may be {gap:.2g} nats from the best ones ({found.message})")
    return weights
