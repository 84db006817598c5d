"""Ridge and logistic regression against scikit-learn and closed forms."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from redheart_core import DataError
from redheart_linear import logistic, ridge

Matrix = NDArray[np.float64]


def terms(records: int = 60, width: int = 12, seed: int = 0) -> Any:
    """Sparse weights as TF-IDF gives them: most are 0, none is negative."""
    draw = np.random.default_rng(seed)
    return sparse.csr_matrix(draw.random((records, width)) * (draw.random((records, width)) < 0.3))


def records(x: Any, targets: Matrix, shared: bool) -> logistic.Records:
    return logistic.Records(x, np.nan_to_num(targets), ~np.isnan(targets), shared)


def hard(x: Any, labels: int, seed: int = 1) -> NDArray[np.int64]:
    """A class for each record that follows from the terms, with noise."""
    draw = np.random.default_rng(seed)
    return np.asarray((x @ draw.normal(size=(x.shape[1], labels)) + draw.gumbel(size=(x.shape[0], labels))).argmax(1))


def exact(problem: logistic.Records, penalty: float) -> Matrix:
    return logistic.solve(problem, penalty, logistic.prior(problem), tolerance=1e-15)


@pytest.mark.parametrize("penalty", [0.25, 4.0])
def test_one_distribution_over_the_labels_is_scikit_learns_multinomial_regression(penalty: float) -> None:
    x = terms()
    classes = hard(x, 3)
    found = exact(records(x, np.eye(3)[classes], shared=True), penalty)
    expected = LogisticRegression(C=1 / penalty, tol=1e-10, max_iter=5000).fit(x, classes)
    np.testing.assert_allclose(found[:-1], expected.coef_.T, atol=1e-5)
    np.testing.assert_allclose(
        found[-1] - found[-1].mean(), expected.intercept_ - expected.intercept_.mean(), atol=1e-5
    )


@pytest.mark.parametrize("penalty", [0.25, 4.0])
def test_labels_by_themselves_are_scikit_learns_binary_regressions(penalty: float) -> None:
    x = terms()
    targets = np.stack([hard(x, 2, seed) for seed in (1, 2, 3)], 1).astype(float)
    found = exact(records(x, targets, shared=False), penalty)
    for label, column in enumerate(targets.T):
        expected = LogisticRegression(C=1 / penalty, tol=1e-10, max_iter=5000).fit(x, column)
        np.testing.assert_allclose(found[:-1, label], expected.coef_[0], atol=1e-5)
        assert found[-1, label] == pytest.approx(expected.intercept_[0], abs=1e-5)


def test_a_soft_target_is_every_class_with_its_share_as_weight() -> None:
    x = terms()
    shares = np.random.default_rng(4).dirichlet(np.ones(3), size=60)
    found = exact(records(x, shares, shared=True), 1.0)
    stacked, classes = sparse.vstack([x, x, x]), np.repeat([0, 1, 2], 60)
    expected = LogisticRegression(tol=1e-10, max_iter=5000).fit(stacked, classes, sample_weight=shares.T.ravel())
    np.testing.assert_allclose(found[:-1], expected.coef_.T, atol=1e-5)


def test_a_missing_label_is_left_out_of_that_label_alone() -> None:
    x = terms()
    targets = np.stack([hard(x, 2, seed) for seed in (1, 2)], 1).astype(float)
    targets[::3, 1] = np.nan
    found = exact(records(x, targets, shared=False), 1.0)
    there = ~np.isnan(targets[:, 1])
    alone = exact(records(x[there], targets[there, 1:], shared=False), 1.0)
    whole = exact(records(x, targets[:, :1], shared=False), 1.0)
    np.testing.assert_allclose(found, np.hstack([whole, alone]), atol=1e-6)


def test_the_gradient_of_a_solution_vanishes_where_votes_of_a_class_are_missing() -> None:
    """One distribution among the classes that are there."""
    x = terms()
    shares = np.random.default_rng(4).dirichlet(np.ones(3), size=60)
    shares[::4, 2] = np.nan
    shares /= np.nansum(shares, 1, keepdims=True)
    problem = records(x, shares, shared=True)
    found = exact(problem, 1.0)
    residual = problem.probabilities(problem.logits(found)) - problem.targets
    np.testing.assert_allclose(residual.sum(1), 0, atol=1e-12)
    np.testing.assert_allclose(x.T @ residual + found[:-1], 0, atol=1e-5)
    np.testing.assert_allclose(residual.sum(0), 0, atol=1e-5)


def test_a_path_of_penalties_gives_what_each_penalty_gives_alone() -> None:
    x, other = terms(200, 30), terms(100, 30, seed=9)
    truth = np.random.default_rng(3).normal(size=(30, 2)) * 3
    train, validation = (records(one, (one @ truth > 0).astype(float), shared=False) for one in (x, other))
    choice = logistic.choose(train, validation, (8.0, 4.0, 2.0), tolerance=1e-15)
    for penalty, loss in choice.losses.items():
        alone = validation.loss(validation.logits(exact(train, penalty))) / 100
        assert loss == pytest.approx(alone, abs=1e-6)
    assert choice.penalty == min(choice.losses, key=choice.losses.__getitem__)


def test_the_path_ends_where_the_validation_loss_rises_and_takes_the_penalty_before() -> None:
    """Targets by chance: every weight is noise, so the strongest penalty wins and the second ends the path."""
    x, other = terms(200, 40), terms(200, 40, seed=9)
    draw = np.random.default_rng(5)
    chance = [(draw.random((200, 3)) < 0.5).astype(float) for _ in range(2)]
    train, validation = (records(one, y, shared=False) for one, y in zip((x, other), chance, strict=True))
    choice = logistic.choose(train, validation, (100.0, 1.0, 0.01))
    assert choice.penalty == 100.0
    assert list(choice.losses) == [100.0, 1.0]


def test_what_the_terms_say_is_found_and_what_they_do_not_say_is_not() -> None:
    x, other = terms(400, 20), terms(200, 20, seed=9)
    truth = np.random.default_rng(3).normal(size=(20, 2)) * 8
    draw = np.random.default_rng(5)
    learnable = [(one @ truth > 0).astype(float) for one in (x, other)]
    chance = [(draw.random(y.shape) < y.mean(0)).astype(float) for y in learnable]
    losses = []
    for targets in (learnable, chance):
        train, validation = (records(one, y, shared=False) for one, y in zip((x, other), targets, strict=True))
        constant = validation.loss(validation.logits(logistic.prior(train))) / 200
        losses.append(min(logistic.choose(train, validation).losses.values()) / constant)
    assert losses[0] < 0.35
    assert losses[1] > 0.98


def test_no_solution_in_the_allowed_steps_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logistic, "MOST_STEPS", 2)
    x = terms()
    problem = records(x, np.eye(3)[hard(x, 3)], shared=True)
    with pytest.raises(DataError, match=r"penalty 0\.01 ended without a solution"):
        logistic.solve(problem, 0.01, logistic.prior(problem), tolerance=1e-15)


def closed_form(x: Any, y: Matrix, penalty: float) -> Matrix:
    """Ridge by the normal equations of centred columns."""
    dense = x.toarray()
    centred, target = dense - dense.mean(0), y - y.mean(0)
    weights = np.linalg.solve(centred.T @ centred + penalty * np.eye(dense.shape[1]), centred.T @ target)
    return np.vstack([weights, y.mean(0) - dense.mean(0) @ weights])


def test_the_penalty_of_a_ridge_is_the_best_on_other_records_after_cutting_off() -> None:
    x, other = terms(80, 30), terms(200, 30, seed=9)
    truth = np.random.default_rng(3).normal(size=(30, 1))
    y, other_y = (np.clip(one @ truth, -0.5, 0.5) + 0.1 * np.random.default_rng(6).normal() for one in (x, other))
    choice = ridge.choose(ridge.Records(x, y), ridge.Records(other, other_y), (-0.5, 0.5), (100.0, 1.0, 0.01))
    for penalty, loss in choice.losses.items():
        found = closed_form(x, y, penalty)
        predicted = np.clip(other @ found[:-1] + found[-1], -0.5, 0.5)
        assert loss == pytest.approx(float(np.square(predicted - other_y).mean()), rel=1e-5)
    assert choice.penalty == min(choice.losses, key=choice.losses.__getitem__)
    assert attrs.asdict(choice)["coefficients"].shape == (31, 1)
