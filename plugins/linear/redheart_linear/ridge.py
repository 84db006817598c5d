"""Ridge regression on terms and dense numbers by products of pairs of records, with exact leave-one-out answers.

A penalty of its own for words, for parts of words and for dense numbers is the same as a weight of each in the products
(Hoerl and Kennard 1970; leave-one-out by the diagonal of the inverse: Cawley and Talbot 2004). The intercept is not
penalised.

Shapes: N records, V terms, D dense numbers, L labels. Coefficients are (V + D + 1, L), the last row the bias.
"""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from redheart_core import DataError
from redheart_linear.problems import Matrix, Problem, Records, Strength

PENALTIES = (0.3, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)
"""Of the terms, whose kinds have the lengths 0.7 and 1.4 in each text."""
SHARES = (0.25, 1.0, 4.0)
"""By how much the penalty of the dense numbers is divided."""
WORDS = (2.0, 4.0)
"""By how much the penalty of words is divided and that of parts of words multiplied, if it is not 1: the words of long
posts say more than parts of words do, and those of short comments less."""
MOST_TO_CHOOSE = 2000
"""Records on which the strengths are chosen; what they are compared by takes the third power of time."""
MOST_PAIRS = 8000
"""Records of which all pairs are held, 0.5 GB."""


@attrs.frozen(eq=False)
class Fitted:
    """A ridge regression."""

    coefficients: Matrix
    honest: Matrix
    """(N, L): what the fit without a record says of it."""


def fit(records: Records, limits: tuple[float, float], folds: NDArray[np.int64]) -> Fitted:
    """Choose strengths, and fit. Labels that the same records have are fitted together.

    Args:
        records: Of the kind values.
        limits: Where answers are cut off when strengths are compared.
        folds: (N,), for what has too many records to hold all pairs, and for the records to choose strengths on.

    Raises:
        DataError: A label has fewer than two numbers.
    """
    found = Fitted(np.zeros((records.features.width + 1, records.targets.shape[1])), np.zeros(records.targets.shape))
    for pattern in np.unique(records.present, axis=1).T:
        labels = np.flatnonzero((records.present == pattern[:, None]).all(0))
        if pattern.sum() < 2:
            raise DataError(
                f"{int(pattern.sum())} records have numbers for the labels {labels.tolist()} (from 0), and a ridge "
                "regression needs two; leave these labels out or give more records"
            )
        known = records.of(pattern)
        part = attrs.evolve(known, targets=known.targets[:, labels], present=known.present[:, labels])
        strength = choose(part.of(folds[pattern].argsort(kind="stable")[:MOST_TO_CHOOSE]), limits)
        one = by_pairs(part, strength) if len(part) <= MOST_PAIRS else by_folds(part, strength, folds[pattern])
        found.coefficients[:, labels] = one.coefficients
        found.honest[np.ix_(pattern, labels)] = one.honest
    return found


def choose(records: Records, limits: tuple[float, float]) -> Strength:
    """The strengths of the least squared leave-one-out error, answers cut off at the limits; no target is missing.

    Terms and dense numbers come first; then words against parts of words, until the error rises.
    """
    features, targets, losses = records.features, records.targets, dict[Strength, float]()
    words, parts, dense = (_centre(features.gram(*weights)) for weights in np.eye(3).tolist())

    def attempt(share: float, factor: float) -> None:
        values, vectors = linalg.eigh(factor * words + parts / factor + share * dense)
        turned = vectors.T @ (targets - targets.mean(0))
        for penalty in PENALTIES:
            inverse = 1 / (np.maximum(values, 0.0) + penalty)
            left = _left_out(vectors @ (inverse[:, None] * turned), np.square(vectors) @ inverse, penalty)
            error = np.square(np.clip(targets - left, *limits) - targets).mean()
            losses[Strength(penalty, share, factor)] = float(error)

    for share in SHARES:
        attempt(share, 1.0)
    for factor in WORDS if 0 < features.words < features.terms.shape[1] else ():
        before = min(losses, key=losses.__getitem__)
        attempt(before.share, factor)
        if min(losses, key=losses.__getitem__) == before:
            break
    return min(losses, key=losses.__getitem__)


def by_pairs(records: Records, strength: Strength) -> Fitted:
    """The least of squared errors + penalties * squared weights, summed, with leave-one-out answers."""
    features, targets, middle = records.features, records.targets, records.targets.mean(0)
    factor = strength.words
    pairs = _centre(features.gram(factor, 1 / factor, strength.share))
    pairs[np.diag_indices_from(pairs)] += strength.terms
    # all in the same memory, in the order of columns that LAPACK wants
    factor, lower = linalg.cho_factor(pairs.T, lower=True, overwrite_a=True)
    duals = linalg.cho_solve((factor, lower), targets - middle)
    inverse, _ = linalg.lapack.dpotri(factor, lower=lower, overwrite_c=True)
    left = _left_out(duals, np.diag(inverse), strength.terms)
    coefficients = np.vstack([features.terms.T @ duals, features.dense.T @ duals, np.zeros_like(middle)[None]])
    coefficients[:-1] *= (strength.terms / strength.penalties(features))[:, None]
    coefficients[-1] = middle - features.apply(coefficients).mean(0)
    return Fitted(coefficients, targets - left)


def by_folds(records: Records, strength: Strength, folds: NDArray[np.int64]) -> Fitted:
    """The same by descent, with out-of-fold answers, which differ little from leave-one-out for so many records."""
    honest = np.empty(records.targets.shape)
    for fold in np.unique(folds):
        held = folds == fold
        found = _descend(records.of(~held), strength)
        honest[held] = records.features.of(held).apply(found)
    return Fitted(_descend(records, strength), honest)


def _descend(records: Records, strength: Strength) -> Matrix:
    problem = Problem.of(records)
    return problem.solve(strength.penalties(records.features), records.prior())


def _left_out(duals: Matrix, diagonal: Matrix, penalty: float) -> Matrix:
    """Errors on each record of the fits without it, (N, L); each of them has its own intercept."""
    return np.asarray(penalty * duals / (penalty * diagonal - 1 / len(diagonal))[:, None])


def _centre(gram: Matrix) -> Matrix:
    """Make products those of what remains when the mean record is taken off."""
    means = gram.mean(0)
    gram -= means
    gram -= means[:, None]
    gram += means.mean()
    return gram
