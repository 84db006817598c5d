"""Figures agree with SciPy and scikit-learn and leave missing numbers out."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.spatial.distance import jensenshannon
from sklearn.metrics import mean_absolute_error as sk_absolute
from sklearn.metrics import mean_squared_error, r2_score
from torch import Tensor

from redheart_core.metrics import (
    distribution_metrics,
    explained_variance,
    jensen_shannon,
    mean_absolute_error,
    root_mean_squared_error,
    top_label_accuracy,
    value_metrics,
)


def values(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def everywhere(target: Tensor) -> Tensor:
    return torch.ones_like(target, dtype=torch.bool)


@pytest.mark.parametrize("shape", [(50,), (50, 4)])
def test_value_figures_are_those_of_scikit_learn(shape: tuple[int, ...]) -> None:
    prediction, target = values(*shape), values(*shape, seed=1)
    y, p = target.numpy(), prediction.numpy()
    assert mean_absolute_error(prediction, target, everywhere(target)) == pytest.approx(sk_absolute(y, p), rel=1e-5)
    root = root_mean_squared_error(prediction, target, everywhere(target))
    assert root == pytest.approx(math.sqrt(mean_squared_error(y, p)), rel=1e-5)
    expected = r2_score(y, p, multioutput="variance_weighted")
    assert explained_variance(prediction, target, everywhere(target)) == pytest.approx(expected, rel=1e-5)


def test_value_figures_leave_missing_numbers_out() -> None:
    prediction, target = values(50, 2), values(50, 2, seed=1)
    target[10:, 1] = math.nan
    present = ~target.isnan()
    y = [target[:, 0].numpy(), target[:10, 1].numpy()]
    p = [prediction[:, 0].numpy(), prediction[:10, 1].numpy()]
    absolute = (50 * sk_absolute(y[0], p[0]) + 10 * sk_absolute(y[1], p[1])) / 60
    assert mean_absolute_error(prediction, target, present) == pytest.approx(absolute, rel=1e-5)
    residual = sum(float(((a - b) ** 2).sum()) for a, b in zip(y, p, strict=True))
    total = sum(float(((a - a.mean()) ** 2).sum()) for a in y)
    assert explained_variance(prediction, target, present) == pytest.approx(1 - residual / total, rel=1e-5)
    assert root_mean_squared_error(prediction, target, present) == pytest.approx(math.sqrt(residual / 60), rel=1e-5)


def test_jensen_shannon_is_that_of_scipy() -> None:
    p, q = values(20, 7).mul(4).softmax(-1), values(20, 7, seed=1).mul(4).softmax(-1)
    expected = sum(jensenshannon(a, b, base=2) ** 2 for a, b in zip(p.double(), q.double(), strict=True)) / 20
    assert jensen_shannon(p, q, everywhere(q)) == pytest.approx(expected, rel=1e-5)
    apart = torch.eye(2)
    assert jensen_shannon(apart, apart.flip(0), everywhere(apart)) == pytest.approx(1.0)


def test_top_label_accuracy_accepts_any_of_equal_largest_labels() -> None:
    target = torch.tensor([[0.4, 0.4, 0.2], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4]])
    prediction = torch.tensor([[0.1, 0.8, 0.1], [0.8, 0.1, 0.1], [0.2, 0.2, 0.6]])
    assert top_label_accuracy(prediction, target, everywhere(target)) == pytest.approx(2 / 3)


@pytest.mark.parametrize("simplex", [True, False])
def test_a_perfect_predictor_beats_a_constant_one_on_each_figure(simplex: bool) -> None:
    target = values(40, 4).mul(4).softmax(-1) if simplex else values(40, 4)
    constant = target.mean(0).expand(40, 4)
    for metric in distribution_metrics("out", "field") if simplex else value_metrics("out", "field"):
        perfect = metric.function(target, target, everywhere(target))
        worse = metric.function(constant, target, everywhere(target))
        assert perfect == pytest.approx(0.0 if metric.direction == "min" else 1.0, abs=1e-6)
        assert worse > perfect if metric.direction == "min" else worse < perfect
    assert explained_variance(constant, target, everywhere(target)) == pytest.approx(0.0, abs=1e-5)
