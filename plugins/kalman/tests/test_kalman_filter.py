"""The filter and smoother against closed forms, the vectors F1 to F11 and joint Gaussian conditioning, in float64."""

from __future__ import annotations

import math
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.linalg import solve_discrete_are
from scipy.stats import multivariate_normal
from torch import Tensor

from redheart_core import DataError, ShapeError
from redheart_kalman.filter import Filtered, StateSpace, filter_states, smooth_states

Matrix = NDArray[Any]


def tensor(value: object) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


def scalar(
    transition: float = 1.0, process: float = 1.0, mean: float = 0.0, covariance: float = 1.0, sensors: int = 1
) -> StateSpace:
    observation = torch.ones(sensors, 1, dtype=torch.float64)
    return StateSpace(tensor([[transition]]), observation, tensor([[process]]), tensor([mean]), tensor([[covariance]]))


def run(model: StateSpace, observations: list[float], noise: float = 1.0) -> Filtered:
    z = tensor(observations).view(1, -1, 1)
    return filter_states(model, z, torch.ones_like(z, dtype=torch.bool), tensor([[noise]]))


def f4() -> Filtered:
    return run(scalar(), [1, 2, 0, 1])


def test_f1_two_sensors_of_one_state() -> None:
    z = tensor([[[1, 2]]])
    found = filter_states(scalar(covariance=2, sensors=2), z, z > 0, torch.diag(tensor([1, 4])))
    assert found.means.item() == pytest.approx(6 / 7, abs=1e-12)
    assert found.covariances.item() == pytest.approx(4 / 7, abs=1e-12)
    assert found.log_likelihood.item() == pytest.approx(-3.514548588360, abs=1e-11)


def test_f1_sensors_one_after_the_other_in_any_order_are_as_good_as_stacked() -> None:
    for order in ([0, 1], [1, 0]):
        z, noise = tensor([1, 2])[order], tensor([1, 4])[order]
        steady = scalar(process=0, covariance=2)
        each = torch.ones(1, 2, 1, dtype=torch.bool)
        found = filter_states(steady, z.view(1, 2, 1), each, noise.view(1, 2, 1, 1))
        assert found.means[0, 1].item() == pytest.approx(6 / 7, abs=1e-12)
        assert found.log_likelihood.item() == pytest.approx(-3.514548588360, abs=1e-11)


def test_f2_correlated_sensors_and_a_flat_prior() -> None:
    z = tensor([[[1, 3]]])
    found = filter_states(scalar(covariance=1e6, sensors=2), z, z > 0, tensor([[1, 0.5], [0.5, 1]]))
    assert found.means.item() == pytest.approx(2, abs=1e-5)
    assert found.covariances.item() == pytest.approx(0.75, abs=1e-5)


def test_f3_a_constant_observed_three_times() -> None:
    found = run(scalar(process=0), [1, 2, 3])
    np.testing.assert_allclose(found.means.flatten(), [0.5, 1, 1.5], atol=1e-12)
    np.testing.assert_allclose(found.covariances.flatten(), [1 / 2, 1 / 3, 1 / 4], atol=1e-12)
    assert found.log_likelihood.item() == pytest.approx(-5.949962780174, abs=1e-11)


def test_f4_gains_are_ratios_of_fibonacci_numbers() -> None:
    np.testing.assert_allclose(f4().gains.flatten(), [1 / 2, 3 / 5, 8 / 13, 21 / 34], atol=1e-12)


def test_f5_filtered_means() -> None:
    np.testing.assert_allclose(f4().means.flatten(), [1 / 2, 7 / 5, 7 / 13, 14 / 17], atol=1e-12)


def test_f6_log_likelihood() -> None:
    assert f4().log_likelihood.item() == pytest.approx(-6.556581453950, abs=1e-11)


def test_f7_smoothed_means_and_variances() -> None:
    smoothed = smooth_states(scalar(), f4())
    np.testing.assert_allclose(smoothed.means.flatten(), [12 / 17, 19 / 17, 11 / 17, 14 / 17], atol=1e-12)
    np.testing.assert_allclose(smoothed.covariances.flatten(), [13 / 34, 15 / 34, 8 / 17, 21 / 34], atol=1e-12)


@pytest.mark.parametrize(
    ("transition", "process", "before", "gain"),
    [(1.0, 1.0, 1.618033988750, 0.618033988750), (0.5, 0.75, math.sqrt(3) / 2, 0.464101615138)],
    ids=["F8", "F9"],
)
def test_f8_and_f9_steady_states(transition: float, process: float, before: float, gain: float) -> None:
    found = run(scalar(transition, process), [0.0] * 60)
    assert found.predicted_covariances[0, -1].item() == pytest.approx(before, abs=1e-11)
    assert found.gains[0, -1].item() == pytest.approx(gain, abs=1e-11)
    assert found.covariances[0, -1].item() == pytest.approx(gain, abs=1e-11)
    riccati = solve_discrete_are([[transition]], [[1.0]], [[process]], [[1.0]])[0, 0]
    assert found.predicted_covariances[0, -1].item() == pytest.approx(riccati, abs=1e-9)


def test_f10_slopes_of_the_log_likelihood() -> None:
    z, noise, prior = (tensor([[[2]]]), tensor([[1]]), tensor([[1]]))
    for value in (z, noise, prior):
        value.requires_grad_()
    model = attrs.evolve(scalar(), covariance=prior)
    likelihood = filter_states(model, z, torch.ones(1, 1, 1, dtype=torch.bool), noise).log_likelihood
    slopes = [slope.item() for slope in torch.autograd.grad(likelihood.sum(), (noise, prior, z))]
    assert slopes == pytest.approx([0.25, 0.25, -1], abs=1e-12)


def joint(model: StateSpace, noise: Matrix, steps: int) -> tuple[Matrix, Matrix, Matrix, Matrix]:
    """Mean and covariance of all states, and the matrices from these to all observations and their noise."""
    f, h, q = (matrix.numpy() for matrix in (model.transition, model.observation, model.process))
    size = len(f)
    means, covariance = [model.mean.numpy()], np.zeros((steps * size, steps * size))
    covariance[:size, :size] = model.covariance.numpy()
    for step in range(1, steps):
        here, before = slice(step * size, (step + 1) * size), slice((step - 1) * size, step * size)
        means.append(f @ means[-1])
        covariance[here, : step * size] = f @ covariance[before, : step * size]
        covariance[: step * size, here] = covariance[here, : step * size].T
        covariance[here, here] = f @ covariance[before, before] @ f.T + q
    return np.concatenate(means), covariance, np.kron(np.eye(steps), h), np.kron(np.eye(steps), noise)


def conditioned(
    parts: tuple[Matrix, Matrix, Matrix, Matrix], z: Matrix, seen: NDArray[np.bool_]
) -> tuple[Matrix, Matrix, float]:
    """States given some observations, by the formula for a joint Gaussian, and the log-density of these."""
    mean, covariance, h, r = parts
    h, r, z = h[seen], r[np.ix_(seen, seen)], z[seen]
    if not len(z):
        return mean, covariance, 0.0
    s = h @ covariance @ h.T + r
    gain = np.linalg.solve(s, h @ covariance).T
    density = float(multivariate_normal(h @ mean, s).logpdf(z))
    return mean + gain @ (z - h @ mean), covariance - gain @ h @ covariance, density


def positive_definite(draw: np.random.Generator, size: int) -> Matrix:
    factor = draw.normal(size=(size, size))
    return np.asarray(factor @ factor.T + 0.1 * np.eye(size))


@pytest.mark.parametrize("seed", range(24))
def test_f11_random_models_match_conditioning_of_the_joint_gaussian(seed: int) -> None:
    draw = np.random.default_rng(seed)
    state, sensors, steps = (int(draw.integers(1, high)) for high in (4, 4, 7))
    model = StateSpace(
        tensor(0.7 * draw.normal(size=(state, state))),
        tensor(draw.normal(size=(sensors, state))),
        tensor(positive_definite(draw, state)),
        tensor(draw.normal(size=state)),
        tensor(positive_definite(draw, state)),
    )
    noise = positive_definite(draw, sensors)
    z, seen = draw.normal(size=(2, steps, sensors)), draw.random((2, steps, sensors)) > 0.2
    z[~seen] = np.nan
    filtered = filter_states(model, tensor(z), torch.from_numpy(seen), tensor(noise))
    smoothed = smooth_states(model, filtered)
    parts = joint(model, noise, steps)
    for record in range(2):
        mean, covariance, density = conditioned(parts, z[record].flatten(), seen[record].flatten())
        assert filtered.log_likelihood[record].item() == pytest.approx(density, abs=1e-9)
        for step in range(steps):
            here = slice(step * state, (step + 1) * state)
            np.testing.assert_allclose(smoothed.means[record, step], mean[here], atol=1e-9)
            np.testing.assert_allclose(smoothed.covariances[record, step], covariance[here, here], atol=1e-9)
            past = (seen[record] & (np.arange(steps) <= step)[:, None]).flatten()
            mean_past, covariance_past, _ = conditioned(parts, z[record].flatten(), past)
            np.testing.assert_allclose(filtered.means[record, step], mean_past[here], atol=1e-9)
            np.testing.assert_allclose(filtered.covariances[record, step], covariance_past[here, here], atol=1e-9)


def test_a_step_without_observations_is_neither_an_update_nor_a_term() -> None:
    z = tensor([[[1], [math.nan], [2]]])
    gap = filter_states(scalar(), z, ~z.isnan(), tensor([[1]]))
    # two steps at once: F F = 1, Q + Q = 2
    first = run(scalar(), [1])
    later = run(scalar(mean=first.means.item(), covariance=first.covariances.item() + 2), [2])
    assert gap.means[0, 2].item() == pytest.approx(later.means.item(), abs=1e-12)
    assert gap.means[0, 1].item() == gap.predicted_means[0, 1].item()
    expected = first.log_likelihood + later.log_likelihood
    assert gap.log_likelihood.item() == pytest.approx(expected.item(), abs=1e-12)


def test_covariances_stay_positive_and_symmetric_over_a_hundred_steps_of_float32() -> None:
    draw = torch.Generator().manual_seed(0)
    size = 6
    model = StateSpace(
        0.999 * torch.eye(size),
        torch.eye(size).repeat(2, 1),
        1e-6 * torch.eye(size),
        torch.zeros(size),
        torch.eye(size),
    )
    z = torch.randn(1, 100, 2 * size, generator=draw)
    noise = 1e-3 * torch.eye(2 * size)
    found = filter_states(model, z, torch.ones_like(z, dtype=torch.bool), noise)
    exact = filter_states(
        StateSpace(*(value.double() for value in attrs.astuple(model, recurse=False))),
        z.double(),
        torch.ones_like(z, dtype=torch.bool),
        noise.double(),
    )
    assert torch.equal(found.covariances, found.covariances.mT)
    assert torch.linalg.eigvalsh(found.covariances).min() > 0
    torch.testing.assert_close(found.means.double(), exact.means, atol=1e-3, rtol=0)
    torch.testing.assert_close(found.covariances.double(), exact.covariances, atol=1e-8, rtol=1e-3)


def test_gradients_are_those_of_finite_differences() -> None:
    draw = torch.Generator().manual_seed(0)
    f, z = (torch.randn(shape, generator=draw, dtype=torch.float64) for shape in ((2, 2), (1, 4, 3)))
    h = torch.randn(3, 2, generator=draw, dtype=torch.float64)
    present = torch.rand(1, 4, 3, generator=draw) > 0.3
    eye = torch.eye(3, dtype=torch.float64)

    def answer(f: Tensor, z: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
        model = StateSpace(0.5 * f, h, scale * eye[:2, :2], f[0], eye[:2, :2])
        filtered = filter_states(model, z, present, scale.square() * eye)
        return filtered.log_likelihood, smooth_states(model, filtered).means

    inputs = (f.requires_grad_(), z.requires_grad_(), tensor(0.7).requires_grad_())
    assert torch.autograd.gradcheck(answer, inputs)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_present_observation_that_is_no_number_does_not_pass_as_missing(bad: float) -> None:
    found = run(scalar(), [1, bad, 1])
    assert not bool(found.means[0, 1:].isfinite().any())


def test_a_singular_innovation_is_refused() -> None:
    with pytest.raises(DataError, match="the covariance of the innovation at step 0 is not positive definite; give"):
        run(scalar(covariance=0), [1], noise=0.0)


def test_a_singular_prediction_is_refused_by_the_smoother() -> None:
    known = scalar(process=0, covariance=0)
    with pytest.raises(DataError, match="the covariance of the prediction for step 1 is not positive definite"):
        smooth_states(known, run(known, [1, 2]))


@pytest.mark.parametrize(
    ("shape", "noise", "message"),
    [
        ((1, 0, 1), (1, 1), r"at least one step, got \(1, 0, 1\)"),
        ((3, 1), (1, 1), r"observations have to be \(B, T, m\)"),
        ((1, 2, 2), (2, 2), r"H has to be \(2, 1\), got \(1, 1\)"),
        ((1, 2, 1), (2, 2), r"R has to end in \(1, 1\), got \(2, 2\)"),
    ],
)
def test_sizes_that_do_not_agree_are_refused(shape: tuple[int, ...], noise: tuple[int, ...], message: str) -> None:
    z = torch.zeros(shape, dtype=torch.float64)
    with pytest.raises(ShapeError, match=message):
        filter_states(scalar(), z, z == 0, torch.ones(noise, dtype=torch.float64))
