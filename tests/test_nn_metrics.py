"""Figures agree with SciPy and scikit-learn and leave missing numbers out."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from scipy.spatial.distance import jensenshannon
from scipy.stats import pearsonr
from sklearn.metrics import mean_absolute_error as sk_absolute
from sklearn.metrics import mean_squared_error, r2_score
from torch import Tensor

from redheart_core import UndefinedError
from redheart_core.nn.metrics import (
    distribution_metrics,
    explained_variance,
    jensen_shannon,
    mean_absolute_error,
    pearson_r,
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


def test_pearson_r_is_the_mean_over_labels_of_scipy_s() -> None:
    target = values(60, 3)
    prediction = target + values(60, 3, seed=1)
    target[40:, 1] = math.nan
    counts = (60, 40, 60)
    expected = sum(pearsonr(prediction[:n, k], target[:n, k]).statistic for k, n in enumerate(counts)) / 3
    assert pearson_r(prediction, target, ~target.isnan()) == pytest.approx(expected, rel=1e-6)
    one = pearsonr(prediction[:, 0], target[:, 0]).statistic
    assert pearson_r(prediction[:, 0], target[:, 0], everywhere(target[:, 0])) == pytest.approx(one, rel=1e-6)


def test_pearson_r_knows_perfect_reversed_and_constant_predictions() -> None:
    target = values(30, 2)
    there = everywhere(target)
    assert pearson_r(target * 3 + 1, target, there) == pytest.approx(1.0)
    assert pearson_r(-target, target, there) == pytest.approx(-1.0)
    assert pearson_r(target.mean(0).expand(30, 2), target, there) == 0.0
    assert pearson_r(torch.stack([target[:, 0], torch.ones(30)], -1), target, there) == pytest.approx(0.5)


def test_pearson_r_leaves_out_a_constant_label_and_is_undefined_if_all_are() -> None:
    target, prediction = values(30, 2), values(30, 2, seed=1)
    target[:, 1] = 0.1
    there = everywhere(target)
    assert pearson_r(prediction, target, there) == pearson_r(prediction[:, :1], target[:, :1], there[:, :1])
    with pytest.raises(UndefinedError, match="no correlation with a target that is constant over 30 records"):
        pearson_r(prediction, torch.full((30, 2), 0.1), there)


@pytest.mark.parametrize("records", [1, 7])
def test_no_variance_of_a_constant_is_explained(records: int) -> None:
    target = torch.full((records, 2), 0.1)  # its mean in floats need not be 0.1
    with pytest.raises(UndefinedError, match="the target is constant"):
        explained_variance(values(records, 2), target, everywhere(target))


@pytest.mark.parametrize("figure", [mean_absolute_error, root_mean_squared_error, explained_variance, pearson_r])
def test_no_number_at_all_has_no_figure(figure: Callable[[Tensor, Tensor, Tensor], float]) -> None:
    with pytest.raises(UndefinedError):
        figure(values(3, 2), torch.full((3, 2), math.nan), torch.zeros(3, 2, dtype=torch.bool))
