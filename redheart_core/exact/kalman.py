"""Filter (Kalman 1960), smoother (Rauch, Tung and Striebel 1965) and steady state in float64, by square roots.

Square roots (Kaminski, Bryson and Schmidt 1971; Park and Kailath 1995) hold variances of any ratio, where the filter on
covariances, such as that of statsmodels, fails once a prior is 1e16 times as wide as the noise. n is the size of the
state, m that of an observation, T the number of steps. (initial_mean, initial_cov) is the prior AT the first
observation: there is no prediction before the first update.
"""

from __future__ import annotations

import warnings

import attrs
import numpy as np
import numpy.typing as npt
from scipy import linalg

from redheart_core.contract.errors import DataError
from redheart_core.exact.numbers import BoolArray, FloatArray, finite, real, shaped
from redheart_core.exact.square_roots import check_covariance, is_singular, root_of, triangular

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
    """P0 (n, n), symmetric, positive semidefinite."""

    def __attrs_post_init__(self) -> None:
        if self.observation.ndim != 2 or 0 in self.observation.shape:
            raise DataError(f"observation needs the shape (m, n), got {self.observation.shape}; one row per sensor")
        m, n = self.observation.shape
        shaped("transition", self.transition, (n, n), "n states")
        shaped("initial_mean", self.initial_mean, (n,), "n states")
        check_covariance("process_noise", shaped("process_noise", self.process_noise, (n, n), "n states"))
        check_covariance("initial_cov", shaped("initial_cov", self.initial_cov, (n, n), "n states"))
        noise = shaped("observation_noise", self.observation_noise, (m, m), "m sensors")
        if check_covariance("observation_noise", noise) <= 0:
            raise DataError("observation_noise is singular, it has to be positive definite; add noise to each sensor")


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
    root: FloatArray
    """(T, n, n), lower triangular, of which cov is the square."""
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
    predicted_mean, predicted_root = np.zeros((steps, n)), np.zeros((steps, n, n))
    mean, root, gain = np.zeros((steps, n)), np.zeros((steps, n, n)), np.zeros((steps, n, m))
    likelihood = np.zeros(steps)
    noise = root_of(model.process_noise)
    x, half = model.initial_mean, root_of(model.initial_cov)
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is found and named afterwards
        for t in range(steps):
            if t:
                x, half = model.transition @ x, triangular(model.transition @ half, noise)
            predicted_mean[t], predicted_root[t] = x, half
            seen = ~np.isnan(z[t])
            if seen.any():
                x, half, gain[t][:, seen], likelihood[t] = _update(model, x, half, z[t], seen)
            mean[t], root[t] = x, half
        filtered = Filtered(predicted_mean, _squares(predicted_root), mean, _squares(root), root, gain, likelihood)
    _check_finite(filtered)
    return filtered


def _update(
    model: StateSpace, x: FloatArray, root: FloatArray, z: FloatArray, seen: BoolArray
) -> tuple[FloatArray, FloatArray, FloatArray, float]:
    """Mean, root of the covariance, gain and log-likelihood after the components that were seen."""
    h, r = model.observation[seen], model.observation_noise[np.ix_(seen, seen)]
    size = len(h)
    noise = np.vstack([root_of(r), np.zeros((len(x), size))])
    joint = triangular(noise, np.vstack([h @ root, root]))
    half, carried, after = joint[:size, :size], joint[size:, :size], joint[size:, size:]
    k = linalg.solve_triangular(half, carried.T, trans="T", lower=True, check_finite=False).T
    innovation = z[seen] - h @ x
    weighed = linalg.solve_triangular(half, innovation, lower=True, check_finite=False)
    log_det = 2.0 * np.log(np.abs(np.diag(half))).sum()
    log_likelihood = -0.5 * float(weighed @ weighed + log_det + size * LOG_2_PI)
    return x + k @ innovation, after, k, log_likelihood


def _squares(roots: FloatArray) -> FloatArray:
    return np.stack([root @ root.T for root in roots])


def _check_finite(filtered: Filtered) -> None:
    for values in (filtered.predicted_cov, filtered.mean, filtered.cov, filtered.gain, filtered.log_likelihoods):
        bad = ~np.isfinite(values).reshape(len(values), -1).all(1)
        if bad.any():
            raise DataError(
                f"the filter leaves the range of float64 at step {int(bad.argmax())}; choose units in which the "
                "variances and observations are nearer to 1, or a transition that does not grow so fast"
            )


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
    n = len(model.initial_mean)
    mean, cov, half = filtered.mean.copy(), filtered.cov.copy(), filtered.root[-1]
    noise = np.vstack([root_of(model.process_noise), np.zeros((n, n))])
    for t in range(len(mean) - 2, -1, -1):
        joint = triangular(np.vstack([model.transition @ filtered.root[t], filtered.root[t]]), noise)
        ahead, carried, left = joint[:n, :n], joint[n:, :n], joint[n:, n:]
        if is_singular(ahead):
            raise DataError(
                f"the smoother needs an invertible predicted covariance, that of step {t + 1} is singular; "
                "add process noise or take known components out of the state"
            )
        g = linalg.solve_triangular(ahead, carried.T, trans="T", lower=True, check_finite=False).T
        mean[t] += g @ (mean[t + 1] - filtered.predicted_mean[t + 1])
        half = triangular(left, g @ half)
        cov[t] = half @ half.T
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
    remedy = "each state that does not decay has to be observed and to have process noise, in the units of the others"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)  # the solver goes on after overflow and ill-conditioning
            p = linalg.solve_discrete_are(f.T, h.T, model.process_noise, r)
    except (np.linalg.LinAlgError, RuntimeWarning) as error:
        raise DataError(f"the filter has no steady state ({error}); {remedy}") from error
    root = root_of((p + p.T) / 2.0)
    _, after, k, _ = _update(model, np.zeros(len(p)), root, np.zeros(len(h)), np.ones(len(h), dtype=bool))
    radius = np.abs(np.linalg.eigvals(f @ (np.eye(len(p)) - k @ h))).max()
    if radius > 1.0 - 1e-7:  # on the unit circle the solver answers with half the digits and no complaint
        raise DataError(f"the filter has no steady state (errors decay by {radius:.9f} a step); {remedy}")
    return SteadyState(root @ root.T, after @ after.T, k)
