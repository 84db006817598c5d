"""The learnt filter weighs both sensors, stays stable and gives distributions."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from redheart_core import DataError
from redheart_kalman.filter import StateSpace, filter_states
from redheart_kalman.log_ratios import contrasts
from redheart_kalman.model import GAIN, SENSORS, Covariance, KalmanFusion


def inputs(chunks: int = 4) -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(1)
    counts = torch.tensor([chunks, 1, max(chunks - 1, 1)])
    given = {name: torch.randn(3, chunks, 7, generator=draw) for name in SENSORS}
    return {**given, "mask": torch.arange(chunks) < counts.unsqueeze(1)}


def module() -> KalmanFusion:
    torch.manual_seed(0)
    return KalmanFusion(7, 8)


@pytest.mark.parametrize("labels", [2, 3, 7])
def test_contrasts_are_orthonormal_and_blind_to_a_constant(labels: int) -> None:
    basis = contrasts(labels)
    torch.testing.assert_close(basis.T @ basis, torch.eye(labels - 1))
    torch.testing.assert_close(torch.ones(labels) @ basis, torch.zeros(labels - 1), atol=1e-6, rtol=0)


def test_log_ratios_and_back_keep_the_distribution() -> None:
    logits = torch.tensor([1.0, -2.0, 0.5, 3.0])
    back = (logits @ contrasts(4)) @ contrasts(4).T
    torch.testing.assert_close(back, logits - logits.mean())


def test_one_label_is_no_distribution() -> None:
    with pytest.raises(DataError, match="a distribution needs two or more labels, got 1"):
        contrasts(1)


def test_covariances_begin_as_stated_and_stay_positive_definite() -> None:
    covariance = Covariance(4, 0.1)
    torch.testing.assert_close(covariance(), 0.1 * torch.eye(4))
    nn.init.normal_(covariance.raw, 0, 1 / GAIN, generator=torch.Generator().manual_seed(0))
    eigenvalues = torch.linalg.eigvalsh(covariance.double()())
    assert eigenvalues.min() > 0
    torch.testing.assert_close(covariance(), covariance().T)


def test_the_transition_never_lengthens_a_state() -> None:
    fusion = module()
    torch.testing.assert_close(fusion.transition(), 0.999 * torch.eye(6))
    nn.init.normal_(fusion.transition_change, 0, 3, generator=torch.Generator().manual_seed(0))
    assert torch.linalg.svdvals(fusion.transition()).max().item() == pytest.approx(0.999, abs=1e-5)


def test_both_sensors_change_the_emotion_of_each_record() -> None:
    given, fusion = inputs(), module()
    emotion = fusion(given)["emotion"]
    for name in SENSORS:
        other = fusion({**given, name: given[name] + torch.tensor([1.0, 0, 0, 0, 0, 0, 0])})["emotion"]
        assert (emotion - other).abs().amax(-1).min() > 1e-3


def test_two_agreeing_sensors_are_believed() -> None:
    """Two certain observations give a certain emotion."""
    certain = torch.full((1, 3, 7), -4.0)
    certain[..., 2] = 4.0
    emotion = module()({**dict.fromkeys(SENSORS, certain), "mask": torch.ones(1, 3, dtype=torch.bool)})["emotion"]
    assert emotion[0, 2] > 0.95


def test_the_trusted_sensor_decides() -> None:
    given, fusion = inputs(), module()
    last = fusion.adapter[-1]
    assert isinstance(last, nn.Linear)
    nn.init.zeros_(last.weight)
    distances = []
    first = [given[name][0, 0] - given[name][0, 0].mean() for name in SENSORS]
    for bias, weights in (([9.0, -9.0], [0.98, 0.02]), ([-9.0, 9.0], [0.02, 0.98])):
        last.bias.data = torch.tensor(bias)
        with torch.no_grad():
            outputs = fusion(given)
        torch.testing.assert_close(outputs["weights"][0, 0], torch.tensor(weights), atol=1e-3, rtol=0)
        distances.append([float((outputs["trajectory"][0, 0] - sensor).norm()) for sensor in first])
    assert distances[0][0] < 0.5 * distances[0][1]
    assert distances[1][1] < 0.5 * distances[1][0]


def test_uncertainty_falls_with_each_chunk_and_does_not_depend_on_where_it_starts() -> None:
    variance = module()(inputs(4))["variance"][0]
    assert bool((variance[1:] < variance[:-1]).all())
    assert variance.min() > 0


def test_the_state_is_the_closed_form_for_one_chunk() -> None:
    """P0 = I, R1 = R2 = r I at equal weights: the mean of both sensors over 1 + r / 2."""
    given, fusion = inputs(1), module()
    for parameter in fusion.adapter.parameters():
        nn.init.zeros_(parameter)
    logits = fusion(given)["emotion_logits"]
    mean = (given[SENSORS[0]] + given[SENSORS[1]])[:, 0] / 2
    expected = (mean - mean.mean(-1, keepdim=True)) / (1 + (0.1 + 1e-3) / 2)
    torch.testing.assert_close(logits, expected, atol=1e-5, rtol=1e-5)


def test_surprisal_is_the_negative_log_likelihood_per_present_number() -> None:
    given, fusion = inputs(), module()
    outputs = fusion(given)
    count = 3
    seen = torch.cat([given[name][2:, :count] @ contrasts(7) for name in SENSORS], -1).double()
    model = StateSpace(
        0.999 * torch.eye(6).double(),
        torch.eye(6).repeat(2, 1).double(),
        0.01 * torch.eye(6).double(),
        torch.zeros(6).double(),
        torch.eye(6).double(),
    )
    weights = outputs["weights"][2:, :count].double().detach()
    noise = torch.diag_embed((0.1 + 1e-3) / (2 * weights).repeat_interleave(6, -1))
    found = filter_states(model, seen, torch.ones_like(seen, dtype=torch.bool), noise)
    assert outputs["surprisal"][2].item() == pytest.approx(-found.log_likelihood.item() / (count * 12), abs=1e-4)


def test_the_likelihood_teaches_the_filter_but_not_what_it_observes() -> None:
    given, fusion = inputs(), module()
    for name in SENSORS:
        given[name].requires_grad_()
    fusion(given)["surprisal"].sum().backward()
    learns = {name.split(".")[0] for name, p in fusion.named_parameters() if p.grad is not None and bool(p.grad.any())}
    assert learns == {"transition_change", "process", "noise", "prior"}
    gradients = [given[name].grad for name in SENSORS]
    assert not any(gradient is not None and bool(gradient.any()) for gradient in gradients)


def test_the_emotion_teaches_every_parameter_and_both_sensors() -> None:
    given, fusion = inputs(), module()
    for name in SENSORS:
        given[name].requires_grad_()
    fusion(given)["emotion_logits"].square().sum().backward()
    assert [name for name, p in fusion.named_parameters() if p.grad is None or not bool(p.grad.any())] == []
    for name in SENSORS:
        gradient = given[name].grad
        assert gradient is not None
        assert bool(gradient[given["mask"]].any(-1).all())


def test_the_surprisal_is_least_for_the_noise_that_was_there() -> None:
    draw = torch.Generator().manual_seed(0)
    truth = torch.randn(400, 1, 7, generator=draw)
    given = {name: truth + math.sqrt(0.1) * torch.randn(400, 1, 7, generator=draw) for name in SENSORS}
    given["mask"] = torch.ones(400, 1, dtype=torch.bool)
    surprise = []
    for variance in (0.02, 0.1, 0.5):
        fusion = module()
        fusion.noise = nn.ModuleList(Covariance(6, variance) for _ in SENSORS)
        for parameter in fusion.adapter.parameters():
            nn.init.zeros_(parameter)
        surprise.append(float(fusion(given)["surprisal"].mean().detach()))
    assert surprise[1] < min(surprise[0], surprise[2])
