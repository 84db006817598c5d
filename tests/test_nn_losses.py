"""Losses agree with independent formulas, are 0 at their best and ignore missing numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.special import huber as scipy_huber
from scipy.stats import entropy
from sklearn.metrics import log_loss
from torch import Tensor

from redheart_core import CATALOGUE, DataError
from redheart_core.nn.losses import (
    Loss,
    binary_cross_entropy,
    divergence,
    each_member,
    grouped,
    huber,
    imbalance,
    inconsistency,
    label_groups,
    pinball,
    soft_focal,
    squared_error,
)

DRAW = torch.Generator()


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=DRAW.manual_seed(seed), dtype=torch.float64)


def everywhere(target: Tensor) -> Tensor:
    return torch.ones_like(target, dtype=torch.bool)


def distribution(rows: int, labels: int) -> Tensor:
    return random(rows, labels, seed=1).mul(2).softmax(-1)


@pytest.mark.parametrize("loss", [divergence, soft_focal(2.0), soft_focal(1.0)])
def test_distribution_losses_are_zero_only_at_the_target(loss: Loss) -> None:
    target = distribution(6, 7)
    at_best = loss(target.log() + 3.0, target, everywhere(target))
    torch.testing.assert_close(at_best, torch.zeros_like(at_best), rtol=0, atol=1e-12)
    assert bool((loss(random(6, 7), target, everywhere(target)) > 0.01).all())


@pytest.mark.parametrize("loss", [squared_error, huber(0.1)])
@pytest.mark.parametrize("shape", [(6,), (6, 4)])
def test_value_losses_are_zero_only_at_the_target(loss: Loss, shape: tuple[int, ...]) -> None:
    target = random(*shape)
    assert torch.equal(loss(target, target, everywhere(target)), torch.zeros(6, dtype=torch.float64))
    assert bool((loss(target + 0.5, target, everywhere(target)) > 0.1).all())


def test_divergence_is_that_of_scipy_with_zero_shares_too() -> None:
    logits, target = random(5, 7), distribution(5, 7)
    target[0] = torch.eye(7, dtype=torch.float64)[2]
    expected = entropy(target.numpy(), logits.softmax(-1).numpy(), axis=-1)
    np.testing.assert_allclose(divergence(logits, target, everywhere(target)).numpy(), expected, rtol=1e-12)


def test_divergence_has_the_gradient_of_soft_cross_entropy() -> None:
    logits, target = random(5, 7).requires_grad_(), distribution(5, 7)
    divergence(logits, target, everywhere(target)).sum().backward()  # type: ignore[no-untyped-call] # torch's
    assert logits.grad is not None
    torch.testing.assert_close(logits.grad, logits.detach().softmax(-1) - target)


@pytest.mark.parametrize("gamma", [1.0, 2.0])
def test_soft_focal_of_a_one_hot_target_is_the_classic_focal_loss_of_each_label(gamma: float) -> None:
    logits, chosen = random(5, 7), torch.tensor([0, 3, 6, 2, 2])
    found = soft_focal(gamma)(logits, torch.eye(7, dtype=torch.float64)[chosen], torch.ones(5, 7, dtype=torch.bool))
    p = np.exp(logits.numpy()) / np.exp(logits.numpy()).sum(-1, keepdims=True)
    for row, label in enumerate(chosen.tolist()):
        others = [p[row, k] for k in range(7) if k != label]
        expected = -((1 - p[row, label]) ** gamma) * math.log(p[row, label])
        expected -= sum(q**gamma * math.log(1 - q) for q in others)
        assert found[row].item() == pytest.approx(expected, rel=1e-12)


def test_soft_focal_stays_finite_for_extreme_logits() -> None:
    logits = torch.tensor([[60.0, -60.0, 0.0]], requires_grad=True)
    loss = soft_focal(2.0)(logits, torch.tensor([[0.0, 1.0, 0.0]]), torch.ones(1, 3, dtype=torch.bool))
    loss.sum().backward()  # type: ignore[no-untyped-call] # torch's
    assert logits.grad is not None
    assert bool(loss.isfinite().all())
    assert bool(logits.grad.isfinite().all())


@pytest.mark.parametrize(
    ("loss", "shape"),
    [
        (soft_focal(2.0), (3, 4)),
        (divergence, (3, 4)),
        (squared_error, (3, 4)),
        (huber(0.3), (3,)),
        (pinball((0.1,)), (3, 1)),
    ],
)
def test_gradients_equal_finite_differences(loss: Loss, shape: tuple[int, ...]) -> None:
    prediction = random(*shape).requires_grad_()
    target = distribution(3, 4) if len(shape) == 2 and shape[1] > 1 else random(3, seed=2)
    assert torch.autograd.gradcheck(lambda p: loss(p, target, everywhere(target)), (prediction,))


def test_huber_is_that_of_scipy_divided_by_beta() -> None:
    prediction, target = random(50), torch.zeros(50, dtype=torch.float64)
    expected = scipy_huber(0.4, prediction.numpy()) / 0.4
    np.testing.assert_allclose(huber(0.4)(prediction, target, everywhere(target)).numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_pinball_is_least_at_the_quantile(share: float) -> None:
    values = random(4001)
    best = torch.quantile(values, share)

    def mean_at(point: Tensor) -> float:
        return pinball((share,))(point.expand(4001, 1), values, everywhere(values)).mean().item()

    assert mean_at(best) < min(mean_at(best - 0.1), mean_at(best + 0.1))


def test_each_member_is_the_mean_over_members() -> None:
    prediction, target = random(4, 3, 2), random(4, 2, seed=1)
    present = everywhere(target)
    present[1, 0] = False
    expected = sum(squared_error(prediction[:, m], target, present) for m in range(3)) / 3
    torch.testing.assert_close(each_member(squared_error)(prediction, target, present), expected)
    single = each_member(huber(0.1))(random(4, 3), random(4), torch.ones(4, dtype=torch.bool))
    assert single.shape == (4,)


@pytest.mark.parametrize("loss", [squared_error, huber(0.1), each_member(squared_error)])
def test_missing_numbers_add_neither_value_nor_gradient(loss: Loss) -> None:
    shape = (4, 3, 2) if loss not in (squared_error,) and "member" in loss.__name__ else (4, 2)
    prediction, target = random(*shape).requires_grad_(), random(4, 2, seed=1)
    target[2, 1] = math.nan
    present = ~target.isnan()
    result = loss(prediction, target, present)
    result.sum().backward()  # type: ignore[no-untyped-call] # torch's
    assert prediction.grad is not None
    assert torch.equal(prediction.grad[2, ..., 1], torch.zeros_like(prediction.grad[2, ..., 1]))
    assert bool((prediction.grad[2, ..., 0] != 0).all())
    alone = loss(prediction[2:3, ..., :1], target[2:3, :1], present[2:3, :1])
    torch.testing.assert_close(result[2:3], alone)


def test_grouped_sums_the_target_by_label_name() -> None:
    labels = CATALOGUE["emotion"].labels
    groups = label_groups(
        labels, {"good": ("joy", "trust"), "bad": ("fear", "sadness", "disgust", "anger", "surprise")}
    )
    assert groups == ((0, 1), (2, 4, 5, 6, 3))
    logits, target = random(5, 2), distribution(5, 7)
    good = target[:, labels.index("joy")] + target[:, labels.index("trust")]
    expected = divergence(logits, torch.stack([good, 1 - good], -1), torch.ones(5, 2, dtype=torch.bool))
    torch.testing.assert_close(grouped(divergence, groups)(logits, target, everywhere(target)), expected)


@pytest.mark.parametrize("members", [("joy",), ("joy", "trust", "joy"), ("joy", "trust", "envy")])
def test_groups_hold_each_label_exactly_once(members: tuple[str, ...]) -> None:
    with pytest.raises(DataError, match=r"each of joy, trust exactly once; they hold joy"):
        label_groups(("joy", "trust"), {"all": members})


def test_inconsistency_is_the_divergence_of_the_sums_of_scipy_with_a_gradient_on_both_sides() -> None:
    coarse, fine = random(5, 2, seed=2).requires_grad_(), random(5, 3, seed=3).requires_grad_()
    found = inconsistency(coarse, fine, ((0, 2), (1,)))
    p = fine.detach().softmax(-1).numpy()
    sums = np.stack([p[:, 0] + p[:, 2], p[:, 1]], -1)
    expected = entropy(sums, coarse.detach().softmax(-1).numpy(), axis=-1).mean()
    assert found.item() == pytest.approx(expected, rel=1e-12)
    found.backward()  # type: ignore[no-untyped-call] # torch leaves it untyped
    assert coarse.grad is not None
    assert bool(coarse.grad.any())
    assert fine.grad is not None
    assert bool(fine.grad.any())
    agreed = torch.from_numpy(sums).log() + 2.0
    assert inconsistency(agreed, fine, ((0, 2), (1,))).item() == pytest.approx(0.0, abs=1e-12)


def test_inconsistency_stays_finite_for_extreme_logits() -> None:
    coarse, fine = torch.tensor([[1e4, -1e4]], requires_grad=True), torch.tensor([[-1e4, 1e4, 0.0]])
    found = inconsistency(coarse, fine, ((0, 2), (1,)))
    found.backward()  # type: ignore[no-untyped-call] # as above
    assert bool(found.isfinite())
    assert coarse.grad is not None
    assert bool(coarse.grad.isfinite().all())


def test_imbalance_is_zero_for_equal_load_and_greatest_for_one_expert() -> None:
    assert imbalance(torch.eye(4)).item() == pytest.approx(0.0, abs=1e-12)
    assert imbalance(torch.eye(4)[[1, 1, 1]]).item() == pytest.approx(3.0)
    gate = distribution(9, 4)
    load = gate.mean(0).numpy()
    assert imbalance(gate).item() == pytest.approx((load.std() / load.mean()) ** 2)


def test_binary_cross_entropy_is_the_log_loss_of_scikit_learn() -> None:
    logits, target = random(40, 3), (random(40, 3, seed=1) > 0).double()
    found = binary_cross_entropy()(logits, target, everywhere(target)).mean().item()
    p, y = logits.sigmoid().numpy().ravel(), target.numpy().ravel()
    assert found == pytest.approx(log_loss(y, p), rel=1e-12)


def test_binary_cross_entropy_is_about_zero_if_right_and_large_if_wrong() -> None:
    target = (random(6, 4) > 0).double()
    right = (target * 2 - 1) * 40
    assert binary_cross_entropy()(right, target, everywhere(target)).max().item() < 1e-12
    assert binary_cross_entropy()(-right, target, everywhere(target)).min().item() == pytest.approx(40.0)


def test_positive_weights_count_positives_so_many_times() -> None:
    logits, target = random(5, 2), torch.tensor([[1.0, 0], [0, 1], [1, 1], [0, 0], [1, 0]], dtype=torch.float64)
    p, w = logits.sigmoid(), torch.tensor([3.0, 0.5], dtype=torch.float64)
    expected = (-w * target * p.log() - (1 - target) * (1 - p).log()).mean(-1)
    torch.testing.assert_close(binary_cross_entropy((3.0, 0.5))(logits, target, everywhere(target)), expected)


def test_smoothing_moves_the_best_prediction_from_certainty_to_half_of_it() -> None:
    loss, target = binary_cross_entropy(smoothing=0.2), torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    best = torch.tensor([[0.9, 0.1]], dtype=torch.float64).logit().requires_grad_()
    value = loss(best, target, everywhere(target))
    assert value.item() == pytest.approx(entropy([0.9, 0.1]), rel=1e-12)
    value.sum().backward()  # type: ignore[no-untyped-call] # torch's
    assert best.grad is not None
    torch.testing.assert_close(best.grad, torch.zeros_like(best), rtol=0, atol=1e-12)
    assert loss(best.detach() * 9, target, everywhere(target)).item() > value.item()


def test_missing_labels_add_neither_value_nor_gradient_to_binary_cross_entropy() -> None:
    prediction = random(3, 2).requires_grad_()
    target = torch.tensor([[1.0, math.nan], [0.0, 1.0], [1.0, 1.0]], dtype=torch.float64)
    found = binary_cross_entropy((2.0, 3.0), 0.1)(prediction, target, ~target.isnan())
    alone = binary_cross_entropy((2.0,), 0.1)(prediction[:1, :1], target[:1, :1], everywhere(target[:1, :1]))
    torch.testing.assert_close(found[:1], alone)
    found.sum().backward()  # type: ignore[no-untyped-call] # torch's
    assert prediction.grad is not None
    assert prediction.grad[0, 1] == 0
    assert prediction.grad[0, 0] != 0


@pytest.mark.parametrize(
    ("weights", "smoothing", "message"),
    [
        ((1.0, 0.0), 0.0, "positive weights have to be finite numbers above 0"),
        ((1.0, math.inf), 0.0, "positive weights have to be finite numbers above 0"),
        (None, 1.0, "label smoothing has to be at least 0 and below 1, got 1.0"),
        (None, -0.1, "label smoothing has to be at least 0 and below 1"),
        ((1.0, 2.0), 0.0, "2 positive weights for 3 labels; give one per label"),
    ],
)
def test_wrong_settings_of_binary_cross_entropy_are_refused(
    weights: tuple[float, ...] | None, smoothing: float, message: str
) -> None:
    target = torch.zeros(2, 3)
    with pytest.raises(DataError, match=message):
        binary_cross_entropy(weights, smoothing)(target, target, everywhere(target))
