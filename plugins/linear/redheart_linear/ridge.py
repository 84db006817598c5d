"""Ridge regression on terms and dense numbers by products of pairs of records, with exact answers to records left out.

A penalty of its own for words, for parts of words and for dense numbers is the same as a weight of each in the products
(Hoerl and Kennard 1970). The intercept is not penalised. Records that belong together, such as near-duplicates, are one
cluster and are left out together (in closed form: Cawley and Talbot 2004 for one record, Cook and Weisberg 1982 for
several).

Shapes: N records, V terms, D dense numbers, L labels. Coefficients are (V + D + 1, L), the last row the bias.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from redheart_core import DataError
from redheart_core.exact.leaving_out import balanced_folds, left_out_errors
from redheart_linear.drawing import FOLDS, draw
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
    """(N, L): what the fit without a record's cluster says of it."""


def fit(records: Records, limits: tuple[float, float], clusters: NDArray[np.int64]) -> Fitted:
    """Choose strengths, and fit. Labels that the same records have are fitted together.

    Args:
        records: Of the kind values.
        limits: Where answers are cut off when strengths are compared.
        clusters: (N,), equal within a cluster, numbered as if by chance.

    Raises:
        DataError: A label has numbers in fewer than two clusters.
    """
    folds = balanced_folds(clusters, FOLDS)
    found = Fitted(np.zeros((records.features.width + 1, records.targets.shape[1])), np.zeros(records.targets.shape))
    for pattern in np.unique(records.present, axis=1).T:
        labels = np.flatnonzero((records.present == pattern[:, None]).all(0))
        if len(np.unique(clusters[pattern])) < 2:
            raise DataError(
                f"{int(pattern.sum())} records have numbers for the labels {labels.tolist()} (from 0), and a ridge "
                "regression needs two that are no near-duplicates; leave these labels out or give more records"
            )
        known, own = records.of(pattern), clusters[pattern]
        part = attrs.evolve(known, targets=known.targets[:, labels], present=known.present[:, labels])
        drawn = draw(folds[pattern], own, MOST_TO_CHOOSE)
        strength = choose(part.of(drawn), limits, own[drawn])
        one = by_pairs(part, strength, own) if len(part) <= MOST_PAIRS else by_folds(part, strength, folds[pattern])
        found.coefficients[:, labels] = one.coefficients
        found.honest[np.ix_(pattern, labels)] = one.honest
    return found


def choose(records: Records, limits: tuple[float, float], clusters: NDArray[np.int64]) -> Strength:
    """The strengths of the least squared error on clusters left out, answers cut off at the limits; no target is
    missing.

    Terms and dense numbers come first; then words against parts of words, until the error rises.
    """
    features, targets, losses = records.features, records.targets, dict[Strength, float]()
    words, parts, dense = (_centre(features.gram(*weights)) for weights in np.eye(3).tolist())

    def attempt(share: float, factor: float) -> None:
        values, vectors = linalg.eigh(factor * words + parts / factor + share * dense)
        turned = vectors.T @ (targets - targets.mean(0))
        for penalty in PENALTIES:
            left = _left_out_on_axes(values, vectors, turned, penalty, clusters)
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


def by_pairs(records: Records, strength: Strength, clusters: NDArray[np.int64]) -> Fitted:
    """The least of squared errors + penalties * squared weights, summed, with answers to clusters left out."""
    features, targets, middle = records.features, records.targets, records.targets.mean(0)
    factor = strength.words
    pairs = _centre(features.gram(factor, 1 / factor, strength.share))
    pairs[np.diag_indices_from(pairs)] += strength.terms
    # all in the same memory, in the order of columns that LAPACK wants
    factor, lower = linalg.cho_factor(pairs.T, lower=True, overwrite_a=True)
    duals = linalg.cho_solve((factor, lower), targets - middle)
    inverse, _ = linalg.lapack.dpotri(factor, lower=lower, overwrite_c=True)

    def among(rows: NDArray[np.int64]) -> Matrix:
        lower = np.tril(inverse[np.ix_(rows, rows)])  # dpotri leaves the rest as it was
        return np.asarray(lower + np.tril(lower, -1).T)

    left = _left_out(duals, np.diag(inverse), among, strength.terms, clusters)
    coefficients = np.vstack([features.terms.T @ duals, features.dense.T @ duals, np.zeros_like(middle)[None]])
    coefficients[:-1] *= (strength.terms / strength.penalties(features))[:, None]
    coefficients[-1] = middle - features.apply(coefficients).mean(0)
    return Fitted(coefficients, targets - left)


def by_folds(records: Records, strength: Strength, folds: NDArray[np.int64]) -> Fitted:
    """The same by descent, with out-of-fold answers, which differ little from those for so many records."""
    honest = np.empty(records.targets.shape)
    for fold in np.unique(folds):
        held = folds == fold
        found = _descend(records.of(~held), strength)
        honest[held] = records.features.of(held).apply(found)
    return Fitted(_descend(records, strength), honest)


def _descend(records: Records, strength: Strength) -> Matrix:
    problem = Problem.of(records)
    return problem.solve(strength.penalties(records.features), records.prior())


def _left_out_on_axes(
    values: Matrix, vectors: Matrix, turned: Matrix, penalty: float, clusters: NDArray[np.int64]
) -> Matrix:
    """As _left_out, from eigenvalues and eigenvectors of the products of pairs and the targets turned to them."""
    inverse = 1 / (np.maximum(values, 0.0) + penalty)

    def among(rows: NDArray[np.int64]) -> Matrix:
        return np.asarray((vectors[rows] * inverse) @ vectors[rows].T)

    duals = vectors @ (inverse[:, None] * turned)
    return _left_out(duals, np.square(vectors) @ inverse, among, penalty, clusters)


def _left_out(
    duals: Matrix,
    diagonal: Matrix,
    among: Callable[[NDArray[np.int64]], Matrix],
    penalty: float,
    clusters: NDArray[np.int64],
) -> Matrix:
    """Errors on each record of the fits without its cluster, (N, L); each of them has its own intercept.

    Args:
        duals: (N, L).
        diagonal: (N,) of the inverse of the products of pairs + penalty.
        among: That inverse among the records at some places.
        penalty: Of the products.
        clusters: (N,).
    """
    share = 1 / len(diagonal)
    return left_out_errors(
        penalty * duals, penalty * diagonal - share, lambda rows: penalty * among(rows) - share, clusters
    )


def _centre(gram: Matrix) -> Matrix:
    """Make products those of what remains when the mean record is taken off."""
    means = gram.mean(0)
    gram -= means
    gram -= means[:, None]
    gram += means.mean()
    return gram
