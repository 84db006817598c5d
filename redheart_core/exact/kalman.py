"""Kalman filter, sensor fusion, RTS smoother and steady state in float64 (reference section 6).

n is the size of the state, m that of an observation, T the number of steps. (initial_mean, initial_cov) is the prior
AT the first observation: there is no prediction before the first update.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt
from scipy import linalg

from redheart_core.contract.errors import DataError
from redheart_core.exact.numbers import BoolArray, FloatArray, finite, positive, real, shaped

LOG_2_PI = float(np.log(2.0 * np.pi))


def _numbers(values: npt.ArrayLike) -> FloatArray:
    return finite("a matrix of the state space", values)


@attrs.frozen(eq=False)
class StateSpace:
    """x' = F x + w with w ~ N(0, Q); z = H x + v with v ~ N(0, R)."""

    transition: FloatArray = attrs.field(converter=_numbers)
    """F (n, n)."""
    observation: FloatArray = attrs.field(converter=_numbers)
    """H (m, n)."""
    process_noise: FloatArray = attrs.field(converter=_numbers)
    """Q (n, n), symmetric, positive semidefinite."""
    observation_noise: FloatArray = attrs.field(converter=_numbers)
    """R (m, m), symmetric, positive definite."""
    initial_mean: FloatArray = attrs.field(converter=_numbers)
    """x0 (n,)."""
    initial_cov: FloatArray = attrs.field(converter=_numbers)
    """P0 (n, n), symmetric, positive semidefinite; 1e6 is flat enough, 1e12 loses digits."""

    def __attrs_post_init__(self) -> None:
        if self.observation.ndim != 2 or 0 in self.observation.shape:
            raise DataError(f"observation needs the shape (m, n), got {self.observation.shape}; one row per sensor")
        m, n = self.observation.shape
        shaped("transition", self.transition, (n, n), "n states")
        shaped("initial_mean", self.initial_mean, (n,), "n states")
        _covariance("process_noise", shaped("process_noise", self.process_noise, (n, n), "n states"))
        _covariance("initial_cov", shaped("initial_cov", self.initial_cov, (n, n), "n states"))
        noise = shaped("observation_noise", self.observation_noise, (m, m), "m sensors")
        if _covariance("observation_noise", noise) <= 0:
            raise DataError("observation_noise is singular, it has to be positive definite; add noise to each sensor")


def _covariance(name: str, matrix: FloatArray) -> float:
    """The smallest eigenvalue of a covariance, relative rounding taken as 0."""
    size = np.abs(matrix).max()
    if np.abs(matrix - matrix.T).max() > 1e-10 * size:
        raise DataError(f"{name} is not symmetric; use (A + A') / 2")
    values = np.linalg.eigvalsh(matrix)
    if values[0] < -1e-10 * size:
        raise DataError(f"{name} is not positive semidefinite, got the eigenvalue {values[0]:g}; use L L'")
    return float(values[0] if values[0] > 1e-15 * size else 0.0)


def stack_sensors(
    sensors: Sequence[tuple[npt.ArrayLike, npt.ArrayLike]], cross: npt.ArrayLike | None = None
) -> tuple[FloatArray, FloatArray]:
    """H and R of several sensors that observe the same state.

    Args:
        sensors: (H_i (m_i, n), R_i (m_i, m_i)) of each.
        cross: (m, m) covariance between sensors, 0 in the blocks of R_i; none without.

    Returns:
        H (m, n) and R (m, m), m the sum of all m_i.
    """
    if not sensors:
        raise DataError("stack_sensors needs at least one sensor, got none; give (H, R) pairs")
    rows = [finite(f"H of sensor {number}", h) for number, (h, _) in enumerate(sensors)]
    noises = [finite(f"R of sensor {number}", r) for number, (_, r) in enumerate(sensors)]
    for number, (h, r) in enumerate(zip(rows, noises, strict=True)):
        if h.ndim != 2 or h.shape[1] != rows[0].shape[-1]:
            raise DataError(
                f"H of sensor {number} needs the shape (m, {rows[0].shape[-1]}), got {h.shape}; align states"
            )
        shaped(f"R of sensor {number}", r, (len(h), len(h)), "its rows")
    stacked, noise = np.vstack(rows), linalg.block_diag(*noises)
    if cross is not None:
        noise = noise + shaped("cross", finite("cross", cross), noise.shape, "all sensors")
    return stacked, noise


@attrs.frozen(eq=False)
class Filtered:
    """What is known of the state at each step, before and after its observation."""

    predicted_mean: FloatArray
    """(T, n)."""
    predicted_cov: FloatArray
    """(T, n, n)."""
    mean: FloatArray
    """(T, n)."""
    cov: FloatArray
    """(T, n, n), symmetric, positive semidefinite."""
    gain: FloatArray
    """(T, n, m); 0 in the columns of missing components."""
    log_likelihoods: FloatArray
    """(T,) nats of the observations of each step given all before; 0 where nothing is observed."""

    @property
    def log_likelihood(self) -> float:
        """Nats of all observations; the training loss is its negative."""
        return float(self.log_likelihoods.sum())


def run_filter(model: StateSpace, observations: npt.ArrayLike) -> Filtered:
    """Filter one series.

    Args:
        model: The state space.
        observations: (T, m), NaN where a component is missing.
    """
    z = real("observations", observations)
    m, n = model.observation.shape
    if z.ndim != 2 or z.shape[1] != m or len(z) == 0:
        raise DataError(f"observations need the shape (T >= 1, {m}), got {z.shape}; one row per step")
    if np.isinf(z).any():
        raise DataError("observations must be finite or NaN (missing), got an infinite one; mark it as NaN")
    steps = len(z)
    predicted_mean, predicted_cov = np.zeros((steps, n)), np.zeros((steps, n, n))
    mean, cov, gain = np.zeros((steps, n)), np.zeros((steps, n, n)), np.zeros((steps, n, m))
    likelihood = np.zeros(steps)
    x, p = model.initial_mean, model.initial_cov
    for t in range(steps):
        if t:
            x = model.transition @ x
            p = _symmetric(model.transition @ p @ model.transition.T + model.process_noise)
        predicted_mean[t], predicted_cov[t] = x, p
        seen = ~np.isnan(z[t])
        if seen.any():
            x, p, gain[t][:, seen], likelihood[t] = _update(model, x, p, z[t], seen)
        mean[t], cov[t] = x, p
    return Filtered(predicted_mean, predicted_cov, mean, cov, gain, likelihood)


def _update(
    model: StateSpace, x: FloatArray, p: FloatArray, z: FloatArray, seen: BoolArray
) -> tuple[FloatArray, FloatArray, FloatArray, float]:
    """Mean, covariance (Joseph), gain and log-likelihood after the components that were seen."""
    h, r = model.observation[seen], model.observation_noise[np.ix_(seen, seen)]
    innovation, s = z[seen] - h @ x, h @ p @ h.T + r
    factor = linalg.cho_factor(s, lower=True)
    k = linalg.cho_solve(factor, h @ p).T
    keep = np.eye(len(x)) - k @ h
    half = linalg.solve_triangular(factor[0], innovation, lower=True)
    log_det = 2.0 * np.log(np.diag(factor[0])).sum()
    log_likelihood = -0.5 * float(half @ half + log_det + len(half) * LOG_2_PI)
    return x + k @ innovation, _symmetric(keep @ p @ keep.T + k @ r @ k.T), k, log_likelihood


def _symmetric(matrix: FloatArray) -> FloatArray:
    return (matrix + matrix.T) / 2.0


@attrs.frozen(eq=False)
class Smoothed:
    """What is known of the state at each step from all observations."""

    mean: FloatArray
    """(T, n)."""
    cov: FloatArray
    """(T, n, n), at most the filtered one."""


def smooth(model: StateSpace, filtered: Filtered) -> Smoothed:
    """Rauch-Tung-Striebel smoother over what `run_filter` gave for the same model.

    Raises:
        DataError: A predicted covariance is singular; the message names the step.
    """
    mean, cov = filtered.mean.copy(), filtered.cov.copy()
    for t in range(len(mean) - 2, -1, -1):
        ahead = filtered.predicted_cov[t + 1]
        if _covariance(f"predicted covariance of step {t + 1}", ahead) <= 0:
            raise DataError(
                f"the smoother needs an invertible predicted covariance, that of step {t + 1} is singular; "
                "add process noise or take known components out of the state"
            )
        g = linalg.solve(ahead, model.transition @ filtered.cov[t], assume_a="pos").T
        mean[t] += g @ (mean[t + 1] - filtered.predicted_mean[t + 1])
        cov[t] = _symmetric(cov[t] + g @ (cov[t + 1] - ahead) @ g.T)
    return Smoothed(mean, cov)


@attrs.frozen(eq=False)
class SteadyState:
    """To what the covariances of a filter converge."""

    predicted_cov: FloatArray
    """(n, n) before an observation."""
    cov: FloatArray
    """(n, n) after it."""
    gain: FloatArray
    """(n, m)."""


def steady_state(model: StateSpace) -> SteadyState:
    """The stabilising solution of the discrete algebraic Riccati equation; the prior of the model is not used.

    Raises:
        DataError: There is none, e.g. as a state that does not decay is neither observed nor disturbed.
    """
    f, h, r = model.transition, model.observation, model.observation_noise
    remedy = "each state that does not decay has to be observed and to have process noise"
    try:
        p = _symmetric(linalg.solve_discrete_are(f.T, h.T, model.process_noise, r))
    except np.linalg.LinAlgError as error:
        raise DataError(f"the filter has no steady state ({error}); {remedy}") from error
    k = linalg.solve(h @ p @ h.T + r, h @ p, assume_a="pos").T
    keep = np.eye(len(p)) - k @ h
    radius = np.abs(np.linalg.eigvals(f @ keep)).max()
    if radius > 1.0 - 1e-7:  # on the unit circle the solver answers with half the digits and no complaint
        raise DataError(f"the filter has no steady state (errors decay by {radius:.9f} a step); {remedy}")
    return SteadyState(p, _symmetric(keep @ p @ keep.T + k @ r @ k.T), k)


def step_gradients(innovation: npt.ArrayLike, covariance: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """How the log-likelihood of one step depends on its innovation y and on S = H P H' + R.

    Args:
        innovation: y = z - H x, (m,).
        covariance: S (m, m), positive definite.

    Returns:
        d/dy = -S^-1 y (m,), which is also d/dz, and d/dS = (S^-1 y y' S^-1 - S^-1) / 2 (m, m), which is also d/dR.
    """
    y = np.atleast_1d(finite("innovation", innovation))
    s = shaped("covariance", np.atleast_2d(finite("covariance", covariance)), (len(y), len(y)), "the innovation twice")
    if _covariance("covariance", s) <= 0:
        raise DataError("covariance of the innovation is singular; add observation noise")
    inverse = np.linalg.inv(s)
    return -inverse @ y, (np.outer(inverse @ y, inverse @ y) - inverse) / 2.0


def covariance_from_raw(raw: npt.ArrayLike) -> FloatArray:
    """L L' for any (n, n) numbers: L is their lower triangle with softplus(raw) + 1e-6 on its diagonal."""
    values = finite("raw", raw)
    if values.ndim != 2 or values.shape[0] != values.shape[1]:
        raise DataError(f"raw needs the shape (n, n), got {values.shape}; give a square matrix")
    lower = np.tril(values, -1) + np.diag(np.logaddexp(0.0, values.diagonal()) + 1e-6)
    return np.asarray(lower @ lower.T)


def bounded_transition(raw: npt.ArrayLike, bound: float = 0.999) -> FloatArray:
    """F = bound W / max(1, ||W||_2): never a larger spectral norm than bound > 0."""
    values = finite("raw", raw)
    if values.ndim != 2 or values.shape[0] != values.shape[1] or values.size == 0:
        raise DataError(f"raw needs the shape (n, n), got {values.shape}; give a square matrix")
    return np.asarray(positive("bound", bound) * values / max(1.0, float(np.linalg.norm(values, 2))))
