"""Honest answers do not know their record: leave-one-out equals refits, out-of-fold the fits on the other folds."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse

from redheart_core import DataError
from redheart_linear import logistic, ridge
from redheart_linear.drawing import draw
from redheart_linear.features import Features
from redheart_linear.problems import Kind, Records, Strength

Matrix = NDArray[np.float64]
LIMITS = (-9.0, 9.0)


def features(count: int, seed: int = 0) -> Features:
    draw = np.random.default_rng(seed)
    terms = sparse.csr_matrix(draw.random((count, 15)) * (draw.random((count, 15)) < 0.4))
    return Features(terms, 6, 0.3 + draw.normal(size=(count, 3)))  # type: ignore[arg-type]  # float64: more digits


def records(count: int, kind: Kind, noise: float = 0.3, seed: int = 0) -> Records:
    """Targets that follow from the features; with much noise they follow from nothing."""
    x, draw = features(count, seed), np.random.default_rng(seed + 1)
    truth = np.random.default_rng(7).normal(size=(18, 2))
    sums = np.hstack([x.terms.toarray(), x.dense]) @ truth
    sums = sums - sums.mean(0) + noise * draw.normal(size=sums.shape)
    return Records(x, (sums > 0).astype(float) if kind == "labels" else sums, np.ones(sums.shape, bool), kind)


@pytest.mark.parametrize("strength", [Strength(0.3, 1.0), Strength(4.0, 0.25), Strength(16.0, 4.0, 2.0)])
def test_leave_one_out_answers_are_those_of_refits_without_the_record(strength: Strength) -> None:
    problem = records(25, "values")
    found = ridge.by_pairs(problem, strength, np.arange(25))
    for record in range(25):
        others = np.arange(25) != record
        refit = ridge.by_pairs(problem.of(others), strength, np.arange(24)).coefficients
        expected = problem.features.of(~others).apply(refit)
        np.testing.assert_allclose(found.honest[record : record + 1], expected, atol=1e-9)


CLUSTERS = np.array([3, 1, 1, 7, 3, 0, 2, 2, 3, 9, 8, 8, 8, 8, 8, 8, 5, 6, 4, 10, 3, 11, 12, 13, 14])
"""Of 25 records: one of 6, one of 4, two pairs, and the others by themselves."""


@pytest.mark.parametrize("strength", [Strength(0.3, 1.0), Strength(16.0, 4.0, 2.0)])
def test_answers_to_clusters_left_out_are_those_of_refits_without_them(strength: Strength) -> None:
    problem = records(25, "values")
    found = ridge.by_pairs(problem, strength, CLUSTERS)
    for cluster in np.unique(CLUSTERS):
        held = np.equal(CLUSTERS, cluster)
        refit = ridge.by_pairs(problem.of(~held), strength, np.arange((~held).sum())).coefficients
        np.testing.assert_allclose(found.honest[held], problem.features.of(held).apply(refit), atol=1e-9)
    alone = ridge.by_pairs(problem, strength, np.arange(25))
    np.testing.assert_array_equal(found.coefficients, alone.coefficients)
    single = np.isin(CLUSTERS, np.flatnonzero(np.bincount(CLUSTERS) == 1))
    np.testing.assert_array_equal(found.honest[single], alone.honest[single])


def test_near_duplicates_do_not_make_a_ridge_weak() -> None:
    """30 texts ten times each, with targets that follow from nothing: by themselves they know their copies."""
    problem, of = records(30, "values", noise=30.0), np.repeat(np.arange(30), 10)
    copied = problem.of(of)
    assert ridge.choose(copied, LIMITS, of).terms >= 10 * ridge.choose(copied, LIMITS, np.arange(300)).terms


def test_the_strengths_are_those_of_the_least_error_on_clusters_left_out() -> None:
    problem, of = records(25, "values", noise=3.0), CLUSTERS
    errors = left_out(problem, (1.0,), ridge.SHARES, of)
    best = min(errors, key=errors.__getitem__)
    errors |= left_out(problem, ridge.WORDS, (best.share,), of)
    assert ridge.choose(problem, LIMITS, of) == min(errors, key=errors.__getitem__)


def test_records_to_choose_on_are_the_first_ones_with_at_most_a_fifth_of_one_cluster() -> None:
    order = np.random.default_rng(0).permutation(100)
    np.testing.assert_array_equal(order[draw(order, order, 30)], np.arange(30))
    np.testing.assert_array_equal(draw(order, np.zeros(100, np.int64), 100), np.argsort(order))
    clusters = np.where(np.arange(100) < 60, 0, np.arange(100))
    drawn = draw(clusters, clusters, 30)
    np.testing.assert_array_equal(drawn, [*range(6), *range(60, 84)])


def test_a_ridge_is_the_normal_equations_with_penalties_of_words_parts_and_numbers() -> None:
    problem, strength = records(40, "values"), Strength(2.0, 0.5, 4.0)
    found = ridge.by_pairs(problem, strength, np.arange(40)).coefficients
    x = np.hstack([problem.features.terms.toarray(), problem.features.dense])
    centred, middle = x - x.mean(0), problem.targets.mean(0)
    penalties = np.diag([0.5] * 6 + [8.0] * 9 + [4.0] * 3)
    weights = np.linalg.solve(centred.T @ centred + penalties, centred.T @ (problem.targets - middle))
    np.testing.assert_allclose(found, np.vstack([weights, middle - x.mean(0) @ weights]), atol=1e-9)


def left_out(
    problem: Records, factors: Sequence[float], shares: Sequence[float], clusters: NDArray[np.int64]
) -> dict[Strength, float]:
    """The error of each strength on clusters left out, by one fit after another."""
    tried = [Strength(penalty, share, one) for penalty in ridge.PENALTIES for share in shares for one in factors]
    errors = {one: np.square(ridge.by_pairs(problem, one, clusters).honest - problem.targets).mean() for one in tried}
    return {strength: float(error) for strength, error in errors.items()}


@pytest.mark.parametrize(("said_by", "factor"), [("words", 4.0), ("parts", 1.0)])
def test_the_strength_of_a_ridge_is_the_best_one_left_out(said_by: str, factor: float) -> None:
    """First with words and parts alike; then words weigh more while that helps, as where they alone say something."""
    problem, draw = records(200, "values"), np.random.default_rng(3)
    columns = slice(6) if said_by == "words" else slice(6, 15)
    sums = problem.features.terms.toarray()[:, columns].sum(1, keepdims=True)
    problem = attrs.evolve(problem, targets=np.repeat(sums, 2, 1) + draw.normal(size=(200, 2)))
    apart = np.arange(200)
    alike = left_out(problem, (1.0,), ridge.SHARES, apart)
    best = min(alike, key=alike.__getitem__)
    errors = alike | left_out(problem, ridge.WORDS, (best.share,), apart)
    chosen = ridge.choose(problem, LIMITS, apart)
    assert chosen.words == factor
    assert chosen == min(errors, key=errors.__getitem__)


def test_terms_of_one_kind_are_not_weighed_against_another() -> None:
    problem = records(60, "values", noise=1.0)
    alone = [attrs.evolve(problem, features=attrs.evolve(problem.features, words=words)) for words in (0, 15)]
    assert [ridge.choose(one, LIMITS, np.arange(60)).words for one in alone] == [1.0, 1.0]


def test_many_records_are_fitted_by_descent_and_answered_out_of_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    problem, folds, order = records(60, "values"), np.arange(60) % 5, np.arange(60)
    pairs = ridge.fit(problem, LIMITS, order)
    monkeypatch.setattr(ridge, "MOST_PAIRS", 59)
    descended = ridge.fit(problem, LIMITS, order)
    np.testing.assert_allclose(descended.coefficients, pairs.coefficients, atol=0.02)
    strength = ridge.choose(problem.of(folds.argsort(kind="stable")), LIMITS, order)
    for fold in range(5):
        refit = ridge.by_pairs(problem.of(folds != fold), strength, order[folds != fold]).coefficients
        expected = problem.features.of(folds == fold).apply(refit)
        np.testing.assert_allclose(descended.honest[folds == fold], expected, atol=0.05)


def test_labels_of_other_records_are_fitted_by_themselves() -> None:
    problem, order = records(60, "values"), np.arange(60)
    problem.present[::3, 1] = False
    found = ridge.fit(problem, LIMITS, order)
    there = problem.present[:, 1]
    alone = Records(problem.features.of(there), problem.targets[there, 1:], problem.present[there, 1:], "values")
    expected = ridge.fit(alone, LIMITS, order[there])
    np.testing.assert_array_equal(found.coefficients[:, 1:], expected.coefficients)
    np.testing.assert_array_equal(found.honest[there, 1:], expected.honest)


def test_a_label_with_one_number_is_refused() -> None:
    problem = records(10, "values")
    problem.present[1:, 1] = False
    with pytest.raises(DataError, match=r"1 records have numbers for the labels \[1\] \(from 0\), and a ridge"):
        ridge.fit(problem, LIMITS, np.arange(10))


def honest_and_own(problem: Records, folds: NDArray[np.int64], strength: Strength) -> tuple[Matrix, Matrix]:
    """The honest answers at a strength, and those of the fit on all records."""
    if problem.kind == "labels":
        return logistic.out_of_fold(problem, folds, strength), problem.features.apply(logistic.fit(problem, strength))
    found = ridge.by_pairs(problem, strength, np.arange(len(problem)))
    return found.honest, problem.features.apply(found.coefficients)


@pytest.mark.parametrize("changed", [0, 7, 31])
@pytest.mark.parametrize("kind", ["labels", "values"])
def test_another_target_of_a_record_changes_its_own_answer_but_not_its_honest_one(kind: Kind, changed: int) -> None:
    """At a given strength; the strength itself is chosen on all training records."""
    folds, strength = np.arange(40) % 5, Strength(1.0, 1.0)
    problem, other = records(40, kind), records(40, kind)
    other.targets[changed] = 1 - other.targets[changed]
    honest, own = zip(*(honest_and_own(one, folds, strength) for one in (problem, other)), strict=True)
    np.testing.assert_allclose(honest[0][changed], honest[1][changed], atol=1e-9)
    assert np.abs(own[0][changed] - own[1][changed]).min() > 1e-3
    assert np.abs(honest[0] - honest[1]).max() > 1e-3


def test_the_strength_of_labels_is_the_best_of_those_that_were_tried_on_the_first_fold() -> None:
    problem, folds = records(100, "labels", noise=2.0), np.arange(100) % 5
    found = logistic.choose(problem, folds)
    assert found.strength == min(found.losses, key=found.losses.__getitem__)
    held = problem.of(folds == 0)
    for strength, loss in found.losses.items():
        alone = held.loss(held.features.apply(logistic.fit(problem.of(folds != 0), strength))) / len(held)
        assert loss == pytest.approx(alone, abs=2e-3)


@pytest.mark.parametrize("kind", ["labels", "values"])
def test_what_the_features_say_is_found_and_what_they_do_not_say_is_not(kind: Kind) -> None:
    """A perfect predictor and one that knows nothing: the honest answers tell them apart, the own ones do not."""
    explained = []
    for noise in (0.0, 300.0):
        problem, folds = records(150, kind, noise), np.arange(150) % 5
        honest = (
            logistic.out_of_fold(problem, folds, logistic.choose(problem, folds).strength)
            if kind == "labels"
            else ridge.fit(problem, (-1e6, 1e6), folds).honest
        )
        constant = np.broadcast_to(problem.prior()[-1], honest.shape)
        explained.append(1 - problem.loss(honest) / problem.loss(constant))
    assert explained[0] > (0.5 if kind == "labels" else 0.99)
    assert explained[1] < 0.05
