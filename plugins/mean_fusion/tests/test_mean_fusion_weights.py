"""Weights inverse to the error variance, and what they make of made-up members."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from redheart_core import CATALOGUE, DataError
from redheart_core.nn.fusing import Gathered
from redheart_mean_fusion.model import MeanFusion, WeightedMean
from redheart_mean_fusion.training import inverse_variance

BENTHAM, EMOTION, REGRET = CATALOGUE["bentham"], CATALOGUE["emotion"], CATALOGUE["regret"]


def noise(deviation: float, seed: int, records: int = 4000, labels: int = 7) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return deviation * torch.randn(records, labels, generator=draw, dtype=torch.float64)


TRUTH = torch.rand(4000, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def fused(name: str, weights: Tensor, members: Tensor) -> dict[str, Tensor]:
    """What a module with these weights answers."""
    names = [f"member_{number}.{name}" for number in range(len(members))]
    module = MeanFusion([Gathered(CATALOGUE[name], tuple(names))])
    mean = module.means[name]
    assert isinstance(mean, WeightedMean)
    mean.weight.copy_(weights)
    outputs: dict[str, Tensor] = module(dict(zip(names, members.float(), strict=True)))
    return outputs


def test_weights_are_the_closed_form_label_by_label() -> None:
    errors = torch.arange(1, 8, dtype=torch.float64) / 10
    weights = inverse_variance(BENTHAM, torch.stack([TRUTH + 0.1, TRUTH - errors]), TRUTH)
    expected = 0.1**-2 / (0.1**-2 + errors**-2)
    torch.testing.assert_close(weights[0], expected, atol=1e-9, rtol=0)
    torch.testing.assert_close(weights.sum(0), torch.ones(7, dtype=torch.float64))


def test_a_perfect_member_gets_all_weight() -> None:
    weights = inverse_variance(BENTHAM, torch.stack([TRUTH, TRUTH + noise(0.1, 1)]), TRUTH)
    assert weights[1].max() < 1e-9
    torch.testing.assert_close(fused("bentham", weights, torch.stack([TRUTH, 1 - TRUTH]))["bentham"], TRUTH.float())


def test_two_equally_noisy_members_get_equal_weight_and_their_mean_beats_both() -> None:
    truth = 0.3 + 0.4 * TRUTH
    members = torch.stack([truth + noise(0.1, 1), truth + noise(0.1, 2)])
    weights = inverse_variance(BENTHAM, members, truth)
    torch.testing.assert_close(weights, torch.full((2, 7), 0.5, dtype=torch.float64), atol=0.03, rtol=0)
    errors = (members - truth).square().mean((1, 2))
    error = (fused("bentham", weights, members)["bentham"] - truth).square().mean()
    assert float(error) == pytest.approx(float(errors.mean()) / 2, rel=0.05)


def test_a_useless_member_gets_almost_no_weight() -> None:
    members = torch.stack([TRUTH + noise(0.02, 1), torch.rand(TRUTH.shape, generator=torch.Generator().manual_seed(9))])
    assert inverse_variance(BENTHAM, members, TRUTH)[1].max() < 0.01


def test_missing_targets_are_left_out_label_by_label() -> None:
    members = torch.stack([TRUTH + noise(0.1, 1), TRUTH + noise(0.2, 2)])
    holed = TRUTH.clone()
    holed[::2, 3] = float("nan")
    weights = inverse_variance(BENTHAM, members, holed)
    half = inverse_variance(BENTHAM, members[:, 1::2], TRUTH[1::2])
    whole = inverse_variance(BENTHAM, members, TRUTH)
    torch.testing.assert_close(weights[:, 3], half[:, 3])
    torch.testing.assert_close(weights[:, :3], whole[:, :3])


def test_a_label_that_no_record_has_is_refused_by_name() -> None:
    holed = TRUTH.clone()
    holed[:, 1] = float("nan")
    with pytest.raises(DataError, match="no validation record has 'duration' of 'bentham'"):
        inverse_variance(BENTHAM, torch.stack([TRUTH, TRUTH]), holed)


def test_distributions_are_averaged_as_probabilities_and_sum_to_one() -> None:
    members = torch.stack([(4 * TRUTH).softmax(-1), (4 * TRUTH.flip(0)).softmax(-1)])
    weights = torch.stack([torch.linspace(0.1, 0.9, 7), torch.linspace(0.9, 0.1, 7)])
    outputs = fused("emotion", weights, members)
    mixed = (members * weights.unsqueeze(1)).sum(0)
    torch.testing.assert_close(outputs["emotion"], (mixed / mixed.sum(-1, keepdim=True)).float())
    torch.testing.assert_close(outputs["emotion"].sum(-1), torch.ones(4000))
    torch.testing.assert_close(outputs["emotion_logits"].softmax(-1), outputs["emotion"])


def test_labels_that_are_certain_keep_finite_logits() -> None:
    members = torch.stack([torch.tensor([[0.0, 1.0, 0.5, 0.0, 1.0, 1.0, 0.0]])] * 2)
    outputs = fused("ekman", torch.full((2, 7), 0.5), members)
    assert bool(outputs["ekman_logits"].isfinite().all())
    torch.testing.assert_close(outputs["ekman"], members[0], atol=2e-6, rtol=0)


def test_a_field_without_labels_has_one_weight_per_member() -> None:
    truth = TRUTH[:, 0]
    members = torch.stack([truth + 0.1, truth - 0.2])
    weights = inverse_variance(REGRET, members, truth)
    torch.testing.assert_close(weights, torch.tensor([0.8, 0.2], dtype=torch.float64), atol=1e-9, rtol=0)
    outputs = fused("regret", weights, members)["regret"]
    torch.testing.assert_close(outputs, (truth + 0.04).clamp(0, 1).float(), atol=1e-6, rtol=0)
