"""The Kalman filter: small vectors by hand, batch conditioning, and its invariants."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest
from scipy import linalg

from redheart_core import DataError
from redheart_core.exact import kalman
from redheart_core.exact.kalman import StateSpace


def scalar(f: float = 1, q: float = 1, r: float = 1, p0: float = 1, x0: float = 0) -> StateSpace:
    return StateSpace([[f]], [[1]], [[q]], [[r]], [x0], [[p0]])


def two_sensors(r: Any, p0: float) -> StateSpace:
    """Both see the state itself."""
    return attrs.evolve(scalar(p0=p0), observation=[[1], [1]], observation_noise=r)


def fused() -> kalman.Filtered:
    return kalman.run_filter(two_sensors([[1, 0], [0, 4]], 2), [[1, 2]])


def correlated() -> kalman.Filtered:
    return kalman.run_filter(two_sensors([[1, 0.5], [0.5, 1]], 1e6), [[1, 3]])


static = kalman.run_filter(scalar(q=0), [[1], [2], [3]])
walk = kalman.run_filter(scalar(), [[1], [2], [0], [1]])
smoothed = kalman.smooth(scalar(), walk)
settled, decaying = kalman.steady_state(scalar()), kalman.steady_state(scalar(f=0.5, q=0.75))


def likelihood(z: float = 2, r: float = 1, p: float = 1) -> float:
    return kalman.run_filter(scalar(r=r, p0=p), [[z]]).log_likelihood


def slope(function: Callable[[float], float], at: float, step: float = 1e-3) -> float:
    """Central difference with its first error term removed."""
    wide, narrow = ((function(at + h) - function(at - h)) / (2 * h) for h in (step, step / 2))
    return (4 * narrow - wide) / 3


VECTORS: list[tuple[str, Callable[[], Any], Any, float]] = [
    (
        "F1",
        lambda: (fused().mean[0, 0], fused().cov[0, 0, 0], fused().log_likelihood),
        (6 / 7, 4 / 7, -3.514548588360),
        1e-9,
    ),
    ("F2", lambda: (correlated().mean[0, 0], correlated().cov[0, 0, 0]), (2, 0.75), 1e-5),
    (
        "F3",
        lambda: [*static.mean[:, 0], *static.cov[:, 0, 0], static.log_likelihood],
        [0.5, 1, 1.5, 1 / 2, 1 / 3, 1 / 4, -5.949962780174],
        1e-9,
    ),
    ("F4", lambda: walk.gain[:, 0, 0], [1 / 2, 3 / 5, 8 / 13, 21 / 34], 1e-9),
    ("F5", lambda: walk.mean[:, 0], [1 / 2, 7 / 5, 7 / 13, 14 / 17], 1e-9),
    ("F6", lambda: walk.log_likelihood, -6.556581453950, 1e-9),
    (
        "F7",
        lambda: (smoothed.mean[:, 0], smoothed.cov[:, 0, 0]),
        ([12 / 17, 19 / 17, 11 / 17, 14 / 17], [13 / 34, 15 / 34, 8 / 17, 21 / 34]),
        1e-9,
    ),
    (
        "F8",
        lambda: (settled.predicted_cov[0, 0], settled.cov[0, 0], settled.gain[0, 0]),
        (1.618033988750, 0.618033988750, 0.618033988750),
        1e-9,
    ),
    (
        "F9",
        lambda: (decaying.predicted_cov[0, 0], decaying.gain[0, 0]),
        (0.866025403784, 0.464101615138),
        1e-9,
    ),
    (
        "F10",
        lambda: (
            slope(lambda r: likelihood(r=r), 1),
            slope(lambda p: likelihood(p=p), 1),
            slope(lambda z: likelihood(z=z), 2),
        ),
        (0.25, 0.25, -1),
        1e-9,
    ),
]


@pytest.mark.parametrize(("value", "expected", "within"), [v[1:] for v in VECTORS], ids=[v[0] for v in VECTORS])
def test_vector(value: Callable[[], Any], expected: Any, within: float) -> None:
    np.testing.assert_allclose(value(), expected, rtol=0, atol=within)


def drawn(seed: int, missing: float = 0.2) -> tuple[StateSpace, Any]:
    draw = np.random.default_rng(seed)
    n, m, steps = int(draw.integers(1, 4)), int(draw.integers(1, 4)), int(draw.integers(1, 7))

    def covariance(size: int) -> Any:
        half = draw.normal(size=(size, size))
        return half @ half.T + 0.1 * np.eye(size)

    f, h = 0.6 * draw.normal(size=(n, n)), draw.normal(size=(m, n))
    model = StateSpace(f, h, covariance(n), covariance(m), draw.normal(size=n), covariance(n))
    z = draw.normal(size=(steps, m))
    z[draw.random(z.shape) < missing] = np.nan
    return model, z


def joint_conditioning(model: StateSpace, z: Any, steps: int, seen_until: int) -> tuple[Any, Any, float]:
    """Mean and covariance of all states given the observations before a step, and their log-likelihood."""
    n, m = len(model.initial_mean), len(model.observation)
    f = model.transition
    mean = np.concatenate([np.linalg.matrix_power(f, t) @ model.initial_mean for t in range(steps)])
    noises = linalg.block_diag(model.initial_cov, *[model.process_noise] * (steps - 1))
    carry = np.zeros((steps * n, steps * n))
    for t in range(steps):
        for s in range(t + 1):
            carry[t * n : (t + 1) * n, s * n : (s + 1) * n] = np.linalg.matrix_power(f, t - s)
    cov = carry @ noises @ carry.T
    flat = z.reshape(-1)
    seen = ~np.isnan(flat) & (np.arange(steps * m) < seen_until * m)
    h = linalg.block_diag(*[model.observation] * steps)[seen]
    r = linalg.block_diag(*[model.observation_noise] * steps)[np.ix_(seen, seen)]
    if not seen.any():
        return mean, cov, 0.0
    s = h @ cov @ h.T + r
    gain = cov @ h.T @ np.linalg.inv(s)
    likelihood = _density(flat[seen] - h @ mean, s)
    return mean + gain @ (flat[seen] - h @ mean), cov - gain @ h @ cov, likelihood


@pytest.mark.parametrize("seed", range(25), ids=[f"F11-{seed}" for seed in range(25)])
def test_vector_of_random_models_is_batch_conditioning(seed: int) -> None:
    model, z = drawn(seed)
    steps, n = len(z), len(model.initial_mean)
    found = kalman.run_filter(model, z)
    after = kalman.smooth(model, found)
    for t in range(steps):
        part = slice(t * n, (t + 1) * n)
        mean, cov, _ = joint_conditioning(model, z, steps, t + 1)
        np.testing.assert_allclose(found.mean[t], mean[part], rtol=0, atol=1e-9)
        np.testing.assert_allclose(found.cov[t], cov[part, part], rtol=0, atol=1e-9)
        mean, cov, total = joint_conditioning(model, z, steps, steps)
        np.testing.assert_allclose(after.mean[t], mean[part], rtol=0, atol=1e-9)
        np.testing.assert_allclose(after.cov[t], cov[part, part], rtol=0, atol=1e-9)
    assert found.log_likelihood == pytest.approx(total, abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_covariances_are_symmetric_semidefinite_and_the_smoothed_ones_are_smaller(seed: int) -> None:
    model, z = drawn(seed)
    found = kalman.run_filter(model, z)
    after = kalman.smooth(model, found)
    for filtered, late, before in zip(found.cov, after.cov, found.predicted_cov, strict=True):
        assert (filtered == filtered.T).all()
        assert np.linalg.eigvalsh(late)[0] >= 0
        assert np.linalg.eigvalsh(filtered - late)[0] >= -1e-10
        assert np.linalg.eigvalsh(before - filtered)[0] >= -1e-10
    np.testing.assert_array_equal(after.mean[-1], found.mean[-1])


def test_covariances_and_gains_do_not_depend_on_what_is_observed() -> None:
    model, z = drawn(3, missing=0)
    one, other = kalman.run_filter(model, z), kalman.run_filter(model, 5 * z + 1)
    np.testing.assert_array_equal(one.cov, other.cov)
    np.testing.assert_array_equal(one.gain, other.gain)


def test_stacked_sensors_equal_one_after_the_other_in_any_order() -> None:
    draw = np.random.default_rng(4)
    sensors = [(draw.normal(size=(m, 3)), np.diag(draw.random(m) + 0.5)) for m in (1, 2)]
    z = [draw.normal(size=m) for m in (1, 2)]
    prior = (draw.normal(size=3), np.eye(3) + 0.3)

    def step(h: Any, r: Any, seen: Any, mean: Any, cov: Any) -> kalman.Filtered:
        return kalman.run_filter(StateSpace(np.eye(3), h, np.eye(3), r, mean, cov), seen[None])

    stacked = np.vstack([h for h, _ in sensors]), linalg.block_diag(*[r for _, r in sensors])
    together = step(*stacked, np.concatenate(z), *prior)
    for order in ([0, 1], [1, 0]):
        (mean, cov), total = prior, 0.0
        for number in order:
            found = step(*sensors[number], z[number], mean, cov)
            mean, cov, total = found.mean[0], found.cov[0], total + found.log_likelihood
        np.testing.assert_allclose(mean, together.mean[0], atol=1e-12)
        np.testing.assert_allclose(cov, together.cov[0], atol=1e-12)
        assert total == pytest.approx(together.log_likelihood, abs=1e-12)


def test_missing_components_are_as_if_their_sensor_were_not_there() -> None:
    model, z = drawn(5, missing=0)
    assert z.shape[1] > 1
    z[:, 0] = np.nan
    rest = attrs.evolve(model, observation=model.observation[1:], observation_noise=model.observation_noise[1:, 1:])
    found, expected = kalman.run_filter(model, z), kalman.run_filter(rest, z[:, 1:])
    np.testing.assert_array_equal(found.mean, expected.mean)
    np.testing.assert_array_equal(found.log_likelihoods, expected.log_likelihoods)
    assert (found.gain[:, :, 0] == 0).all()


def test_nothing_observed_is_no_update_and_no_likelihood() -> None:
    model, z = drawn(6)
    found = kalman.run_filter(model, np.full_like(z, np.nan))
    np.testing.assert_array_equal(found.mean, found.predicted_mean)
    np.testing.assert_array_equal(found.cov, found.predicted_cov)
    assert found.log_likelihood == 0.0


def test_a_long_filter_settles_at_the_steady_state() -> None:
    model, _ = drawn(7)
    settled = kalman.steady_state(model)
    found = kalman.run_filter(model, np.zeros((500, len(model.observation))))
    np.testing.assert_allclose(found.predicted_cov[-1], settled.predicted_cov, atol=1e-9)
    np.testing.assert_allclose(found.cov[-1], settled.cov, atol=1e-9)
    np.testing.assert_allclose(found.gain[-1], settled.gain, atol=1e-9)


def _density(y: Any, s: Any) -> float:
    return float(-0.5 * (y @ np.linalg.inv(s) @ y + np.linalg.slogdet(2 * math.pi * s)[1]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: kalman.run_filter(scalar(), np.zeros((0, 1))), r"shape \(T >= 1, 1\), got \(0, 1\); one row per step"),
        (lambda: kalman.run_filter(scalar(), [1.0, 2.0]), r"shape \(T >= 1, 1\), got \(2,\)"),
        (lambda: kalman.run_filter(scalar(), [[math.inf]]), r"finite or NaN \(missing\), got an infinite one"),
        (lambda: scalar(r=0), "observation_noise is singular, .* add noise to each sensor"),
        (lambda: scalar(q=-1), "process_noise is not positive semidefinite, got the variance -1; use L L'"),
        (lambda: scalar(f=math.nan), "must be finite, got nan"),
        (lambda: attrs.evolve(scalar(), transition=np.eye(2)), r"transition needs the shape \(1, 1\) .*got \(2, 2\)"),
        (lambda: attrs.evolve(scalar(), observation=[1]), r"observation needs the shape \(m, n\), got \(1,\)"),
        (lambda: attrs.evolve(drawn(3)[0], initial_cov=np.triu(np.ones((3, 3)))), "initial_cov is not symmetric"),
        (
            lambda: kalman.smooth(scalar(q=0, p0=0), kalman.run_filter(scalar(q=0, p0=0), [[1], [2]])),
            "step 1 is singular",
        ),
        (lambda: kalman.steady_state(scalar(q=0)), "no steady state .* each state that does not decay"),
        (lambda: kalman.steady_state(attrs.evolve(scalar(f=2), observation=[[0]])), "each state that does not decay"),
    ],
)
def test_bad_numbers_are_refused_with_the_remedy(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        call()
