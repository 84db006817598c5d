"""Regressions by descent against scikit-learn and closed forms."""

from __future__ import annotations

import attrs
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from redheart_core import DataError
from redheart_linear import logistic, problems
from redheart_linear.features import Features
from redheart_linear.problems import Kind, Problem, Records, Strength

Matrix = NDArray[np.float64]


def features(records: int = 60, width: int = 12, dense: int = 4, seed: int = 0) -> Features:
    """Sparse weights as TF-IDF gives them, most are 0 and none is negative; and numbers around 0.3."""
    draw = np.random.default_rng(seed)
    terms = sparse.csr_matrix(draw.random((records, width)) * (draw.random((records, width)) < 0.3))
    return Features(terms, width // 2, 0.3 + draw.normal(size=(records, dense)))  # type: ignore[arg-type]  # float64: more digits


def full(x: Features) -> Matrix:
    return np.hstack([x.terms.toarray(), x.dense])


def records(x: Features, targets: Matrix, kind: Kind) -> Records:
    return Records(x, np.nan_to_num(targets), ~np.isnan(targets), kind)


def hard(x: Features, labels: int, seed: int = 1) -> NDArray[np.int64]:
    """A class for each record that follows from its features, with noise."""
    draw = np.random.default_rng(seed)
    sums = full(x) @ draw.normal(size=(x.width, labels))
    return np.asarray((sums + draw.gumbel(size=sums.shape)).argmax(1))


def exact(problem: Records, penalty: float) -> Matrix:
    return Problem.of(problem).solve(np.full(problem.features.width, penalty), problem.prior(), tolerance=1e-15)


@pytest.mark.parametrize("penalty", [0.25, 4.0])
def test_one_distribution_over_the_labels_is_scikit_learns_multinomial_regression(penalty: float) -> None:
    x = features()
    classes = hard(x, 3)
    found = exact(records(x, np.eye(3)[classes], "shares"), penalty)
    expected = LogisticRegression(C=1 / penalty, tol=1e-10, max_iter=5000).fit(full(x), classes)
    np.testing.assert_allclose(found[:-1], expected.coef_.T, atol=1e-5)
    np.testing.assert_allclose(
        found[-1] - found[-1].mean(), expected.intercept_ - expected.intercept_.mean(), atol=1e-5
    )


@pytest.mark.parametrize("penalty", [0.25, 4.0])
def test_labels_by_themselves_are_scikit_learns_binary_regressions(penalty: float) -> None:
    x = features()
    targets = np.stack([hard(x, 2, seed) for seed in (1, 2, 3)], 1).astype(float)
    found = exact(records(x, targets, "labels"), penalty)
    for label, column in enumerate(targets.T):
        expected = LogisticRegression(C=1 / penalty, tol=1e-10, max_iter=5000).fit(full(x), column)
        np.testing.assert_allclose(found[:-1, label], expected.coef_[0], atol=1e-5)
        assert found[-1, label] == pytest.approx(expected.intercept_[0], abs=1e-5)


def test_a_soft_target_is_every_class_with_its_share_as_weight() -> None:
    x = features()
    shares = np.random.default_rng(4).dirichlet(np.ones(3), size=60)
    found = exact(records(x, shares, "shares"), 1.0)
    stacked, classes = np.vstack([full(x)] * 3), np.repeat([0, 1, 2], 60)
    expected = LogisticRegression(tol=1e-10, max_iter=5000).fit(stacked, classes, sample_weight=shares.T.ravel())
    np.testing.assert_allclose(found[:-1], expected.coef_.T, atol=1e-5)


def test_values_are_the_normal_equations() -> None:
    x, targets = features(), np.random.default_rng(2).normal(size=(60, 2))
    found = exact(records(x, targets, "values"), 2.0)
    centred = full(x) - full(x).mean(0)
    weights = np.linalg.solve(centred.T @ centred + 2 * np.eye(x.width), centred.T @ (targets - targets.mean(0)))
    np.testing.assert_allclose(found[:-1], weights, atol=1e-5)
    np.testing.assert_allclose(found[-1], targets.mean(0) - full(x).mean(0) @ weights, atol=1e-5)


@pytest.mark.parametrize("kind", ["labels", "values"])
def test_a_missing_label_is_left_out_of_that_label_alone(kind: Kind) -> None:
    x = features()
    targets = np.stack([hard(x, 2, seed) for seed in (1, 2)], 1).astype(float)
    targets[::3, 1] = np.nan
    found = exact(records(x, targets, kind), 1.0)
    there = ~np.isnan(targets[:, 1])
    alone = exact(records(x.of(there), targets[there, 1:], kind), 1.0)
    whole = exact(records(x, targets[:, :1], kind), 1.0)
    np.testing.assert_allclose(found, np.hstack([whole, alone]), atol=1e-5)


def test_the_gradient_of_a_solution_vanishes_where_votes_of_a_class_are_missing() -> None:
    """One distribution among the classes that are there."""
    x = features()
    shares = np.random.default_rng(4).dirichlet(np.ones(3), size=60)
    shares[::4, 2] = np.nan
    shares /= np.nansum(shares, 1, keepdims=True)
    problem = records(x, shares, "shares")
    found = exact(problem, 1.0)
    residual = problem.expected(x.apply(found)) - problem.targets
    np.testing.assert_allclose(residual.sum(1), 0, atol=1e-12)
    np.testing.assert_allclose(full(x).T @ residual + found[:-1], 0, atol=1e-5)
    np.testing.assert_allclose(residual.sum(0), 0, atol=1e-5)


def test_the_second_step_is_a_fit_on_terms_in_units_of_what_the_first_step_gave_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(problems.Problem.solve, "__defaults__", (1e-15,))
    monkeypatch.setattr(logistic, "FIRST_TOLERANCE", 1e-15)
    x = features()
    problem = records(x, np.eye(3)[hard(x, 3)], "shares")
    found = logistic.fit(problem, Strength(2.0, 0.5))
    size = np.sqrt(np.square(exact(problem, logistic.FIRST.terms)[:12]).mean(1))
    scale = np.sqrt(size / np.sqrt(np.square(size).mean()) + logistic.SPREAD)
    scaled = Features(sparse.csr_matrix(x.terms.toarray() * scale), x.words, x.dense * 0.5**0.5)
    expected = exact(attrs.evolve(problem, features=scaled), 2.0)
    np.testing.assert_allclose(found[:12], expected[:12] * scale[:, None], atol=1e-5)
    np.testing.assert_allclose(found[12:-1], expected[12:-1] * 0.5**0.5, atol=1e-5)


def test_no_solution_in_the_allowed_steps_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(problems, "MOST_STEPS", 2)
    x = features()
    with pytest.raises(DataError, match="a regression ended without a solution"):
        exact(records(x, np.eye(3)[hard(x, 3)], "shares"), 0.01)
