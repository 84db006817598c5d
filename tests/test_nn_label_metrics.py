"""Figures of 0-or-1 labels and of votes agree with scikit-learn and SciPy, and know good from bad."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import torch
from scipy.stats import entropy
from sklearn.metrics import f1_score
from torch import Tensor

from redheart_core import DataError, UndefinedError
from redheart_core.nn.label_metrics import (
    label_calibration_error,
    label_metrics,
    macro_f1,
    majority_f1,
    share_calibration_error,
    soft_cross_entropy,
    vote_metrics,
)


def values(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def everywhere(target: Tensor) -> Tensor:
    return torch.ones_like(target, dtype=torch.bool)


def counts(rows: int = 80) -> Tensor:
    shares = torch.tensor([0.2, 0.5, 0.15, 0.1, 0.05]) * values(rows, 5, seed=3)
    return (shares * 60).floor() + torch.tensor([0.0, 1, 0, 0, 0])


def test_macro_f1_is_that_of_scikit_learn_at_the_thresholds_of_each_label() -> None:
    p, y = values(60, 4), (values(60, 4, seed=1) > 0.7).float()
    thresholds = (0.2, 0.5, 0.7, 0.9)
    predicted = p.numpy() >= np.array(thresholds)
    expected = f1_score(y.numpy(), predicted, average="macro")
    assert macro_f1(p, y, everywhere(y), thresholds) == pytest.approx(expected, rel=1e-12)


def test_a_probability_at_the_threshold_counts_as_predicted() -> None:
    p, y = torch.tensor([[0.3], [0.2]]), torch.tensor([[1.0], [0.0]])
    assert macro_f1(p, y, everywhere(y), (float(p[0, 0]),)) == 1.0
    assert macro_f1(torch.tensor([[0.3], [0.9]]), y, everywhere(y), (float(p[0, 0]) + 1e-9,)) == 0.0


def test_labels_neither_true_nor_predicted_have_no_f1_but_wrong_predictions_have_zero() -> None:
    y = torch.tensor([[1.0, 0, 0], [1, 0, 0]])
    p = torch.tensor([[0.9, 0.1, 0.9], [0.1, 0.1, 0.1]])
    expected = f1_score(y.numpy(), p.numpy() >= 0.5, average="macro", zero_division=np.nan)
    assert macro_f1(p, y, everywhere(y), (0.5,) * 3) == pytest.approx(expected)
    assert expected == pytest.approx((2 / 3 + 0) / 2)
    with pytest.raises(DataError, match="no label is true or predicted in any record"):
        macro_f1(torch.zeros(3, 1), torch.zeros(3, 1), torch.ones(3, 1, dtype=torch.bool), (0.5,))


def test_missing_labels_are_left_out_of_macro_f1() -> None:
    p, y = values(40, 2), (values(40, 2, seed=1) > 0.5).float()
    y[25:, 1] = math.nan
    expected = [f1_score(y[:n, k].numpy(), p[:n, k].numpy() >= 0.5) for k, n in ((0, 40), (1, 25))]
    assert macro_f1(p, y, ~y.isnan(), (0.5, 0.5)) == pytest.approx(np.mean(expected))


def test_thresholds_are_one_per_label() -> None:
    with pytest.raises(DataError, match="1 thresholds for 2 labels"):
        macro_f1(torch.zeros(3, 2), torch.zeros(3, 2), torch.ones(3, 2, dtype=torch.bool), (0.5,))


def test_majority_f1_is_that_of_scikit_learn_for_the_largest_class() -> None:
    p, n = values(80, 5), counts()
    expected = f1_score(n.argmax(-1), p.argmax(-1), average="macro")
    assert majority_f1(p, n, everywhere(n)) == pytest.approx(expected, rel=1e-12)


def test_always_the_commonest_class_has_the_f1_of_the_published_data() -> None:
    # 69 % OTHER in five classes: 2 * .69 / 1.69 / 5 = .163
    n = torch.zeros(1000, 5)
    for label, (start, end) in enumerate([(0, 190), (190, 880), (880, 910), (910, 995), (995, 1000)]):
        n[start:end, label] = 3
    constant = n.mean(0).expand(1000, 5)
    assert majority_f1(constant, n, everywhere(n)) == pytest.approx(2 * 0.69 / 1.69 / 5)


def test_soft_cross_entropy_is_scipy_s_and_takes_counts_as_prediction() -> None:
    p, n = values(80, 5).softmax(-1), counts()
    q = (n / n.sum(-1, keepdim=True)).double().numpy()
    expected = (entropy(q, axis=-1) + entropy(q, p.double().numpy(), axis=-1)).mean()
    assert soft_cross_entropy(p, n, everywhere(n)) == pytest.approx(expected, rel=1e-6)
    assert soft_cross_entropy(p * 17, n, everywhere(n)) == pytest.approx(expected, rel=1e-6)
    assert soft_cross_entropy(n, n, everywhere(n)) == pytest.approx(entropy(q, axis=-1).mean(), rel=1e-6)


def test_a_denied_class_has_no_figure_and_no_prediction_at_all_is_refused() -> None:
    n = torch.tensor([[1.0, 1.0], [2.0, 0.0]])
    with pytest.raises(UndefinedError, match="1 of 2 records have votes for a class of probability 0"):
        soft_cross_entropy(torch.tensor([[1.0, 0.0], [1.0, 0.0]]), n, everywhere(n))
    assert soft_cross_entropy(torch.tensor([[0.5, 0.5], [1.0, 0.0]]), n, everywhere(n)) == pytest.approx(
        math.log(2) / 2
    )
    with pytest.raises(DataError, match="1 records have the prediction 0 for every class"):
        soft_cross_entropy(torch.tensor([[0.0, 0.0], [1.0, 0.0]]), n, everywhere(n))


@pytest.mark.parametrize("figure", [soft_cross_entropy, majority_f1, share_calibration_error])
def test_records_without_votes_and_missing_classes_are_left_out(figure: object) -> None:
    assert callable(figure)
    p, n = values(20, 3), counts(20)[:, :3]
    whole = figure(p, n, everywhere(n))
    more_n = torch.cat([n, torch.zeros(2, 3)])
    more_p = torch.cat([p, values(2, 3, seed=9)])
    assert figure(more_p, more_n, everywhere(more_n)) == whole
    wide_n, wide_p = torch.cat([n, torch.full((20, 1), math.nan)], -1), torch.cat([p, torch.full((20, 1), 5.0)], -1)
    assert figure(wide_p, wide_n, ~wide_n.isnan()) == whole


def test_no_votes_at_all_are_refused() -> None:
    n = torch.zeros(3, 2)
    with pytest.raises(DataError, match="none of 3 records has votes"):
        soft_cross_entropy(values(3, 2), n, everywhere(n))


def plain_calibration_error(confidence: list[float], correct: list[float]) -> float:
    """Bins (b / 15, (b + 1) / 15], the first with 0, by a loop over records."""
    total = 0.0
    for b in range(15):
        held = [
            (c, y)
            for c, y in zip(confidence, correct, strict=True)
            if b / 15 < c <= (b + 1) / 15 or (b == 0 and c == 0)
        ]
        if held:
            total += abs(sum(y for _, y in held) - sum(c for c, _ in held)) / len(confidence)
    return total


def test_label_calibration_error_is_that_of_a_loop_over_all_labels() -> None:
    p, y = values(50, 3), (values(50, 3, seed=1) > 0.6).float()
    y[10, 1] = math.nan
    there = ~y.isnan()
    expected = plain_calibration_error(p[there].double().tolist(), y[there].tolist())
    assert label_calibration_error(p, y, there) == pytest.approx(expected, rel=1e-9)


def test_share_calibration_error_is_the_gap_of_shares_by_bin() -> None:
    p, n = values(80, 5) + 0.1, counts()
    shares, votes = (p / p.sum(-1, keepdim=True)).double().numpy(), (n / n.sum(-1, keepdim=True)).double().numpy()
    expected = 0.0
    for low in range(15):
        inside = (shares > low / 15) & (shares <= (low + 1) / 15)
        if inside.any():
            expected += inside.mean() * abs(votes[inside].mean() - shares[inside].mean())
    assert share_calibration_error(p, n, everywhere(n)) == pytest.approx(expected, rel=1e-6)
    assert share_calibration_error(n, n, everywhere(n)) == pytest.approx(0.0, abs=1e-12)
    certain = torch.zeros_like(n).index_fill_(1, torch.tensor([4]), 1.0)
    assert share_calibration_error(certain, n, everywhere(n)) > 0.2


def test_calibration_errors_know_honest_and_overconfident_predictions() -> None:
    y = torch.tensor([[1.0], [1.0], [1.0], [0.0]])
    there = everywhere(y)
    assert label_calibration_error(torch.full((4, 1), 0.75), y, there) == pytest.approx(0.0)
    assert label_calibration_error(torch.ones(4, 1), y, there) == pytest.approx(0.25)
    assert label_calibration_error(1 - y, y, there) == pytest.approx(1.0)
    assert label_calibration_error(y, y, there) == 0.0


@pytest.mark.parametrize("voted", [True, False])
def test_a_perfect_predictor_beats_a_constant_one_on_each_figure(voted: bool) -> None:
    if voted:
        target = torch.eye(5)[counts().argmax(-1)] * 4
        constant = target.mean(0).expand(80, 5)
        metrics = vote_metrics("out", "field")
    else:
        target = (values(80, 4) > 0.7).float()
        constant = torch.full((80, 4), 0.9)
        metrics = label_metrics("out", "field")
    for metric in metrics:
        more = ((0.5,) * 4,) if metric.thresholded else ()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            perfect = metric.function(target, target, everywhere(target), *more)
        worse = metric.function(constant, target, everywhere(target), *more)
        assert perfect == pytest.approx(0.0 if metric.direction == "min" else 1.0, abs=1e-6)
        assert worse > perfect if metric.direction == "min" else worse < perfect
