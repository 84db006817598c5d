"""The calculator `exact_kalman`: filter, fusion of sensors and smoother of a linear Gaussian state space."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs
from attrs.validators import ge, gt

from redheart_core import CalculatorInput, CalculatorSpec, DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from redheart_core.exact.kalman import StateSpace


@attrs.frozen
class KalmanSettings:
    """The [plugins.exact_kalman] table: what to compute, and the model where no matrices are given."""

    smoother: bool = True
    """Smooth as well as filter."""
    steady_state: bool = False
    """Say to what the covariances converge."""
    process_variance: float = attrs.field(default=1.0, validator=ge(0.0))
    """Q is so many times the identity, unless given."""
    observation_variance: float = attrs.field(default=1.0, validator=gt(0.0))
    """R is so many times the identity, unless given."""
    initial_variance: float = attrs.field(default=1.0, validator=ge(0.0))
    """P0 is so many times the identity, unless given; 1e6 is flat enough."""


def spec() -> CalculatorSpec:
    """What it declares."""
    return CalculatorSpec(
        name="exact_kalman",
        meaning="Kalman filter over one or several sensors with missing steps, smoother, likelihood, steady state",
        settings=KalmanSettings,
        inputs=(
            CalculatorInput("observations", "one row a step; null is missing", "(T,) or (T, m)", missing=True),
            CalculatorInput("transition", "F; the identity without", "(n, n)", required=False),
            CalculatorInput("observation", "H; the identity without", "(m, n)", required=False),
            CalculatorInput("process_noise", "Q; process_variance times 1 without", "(n, n)", required=False),
            CalculatorInput("observation_noise", "R; observation_variance times 1 without", "(m, m)", required=False),
            CalculatorInput("initial_mean", "x0 at the first observation; 0 without", "(n,)", required=False),
            CalculatorInput("initial_cov", "P0 there; initial_variance times 1 without", "(n, n)", required=False),
        ),
        compute=_compute,
        example={"observations": [1, 2, 0, 1]},  # vectors F4 to F7
    )


def _compute(settings: KalmanSettings, inputs: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
    from redheart_core.exact.kalman import run_filter, smooth, steady_state

    observations = inputs["observations"]
    if observations.ndim < 2:
        observations = observations.reshape(-1, 1)
    if observations.ndim != 2:
        raise DataError(f"'observations' needs the shape (T,) or (T, m), got {observations.shape}; one row a step")
    model = _model(settings, inputs, observations.shape[1])
    filtered = run_filter(model, observations)
    result = {
        "log_likelihood": filtered.log_likelihood,
        "mean": filtered.mean,
        "cov": filtered.cov,
        "gain": filtered.gain,
        "log_likelihoods": filtered.log_likelihoods,
    }
    if settings.smoother:
        smoothed = smooth(model, filtered)
        result |= {"smoothed_mean": smoothed.mean, "smoothed_cov": smoothed.cov}
    if settings.steady_state:
        found = steady_state(model)
        result["steady_state"] = {"predicted_cov": found.predicted_cov, "cov": found.cov, "gain": found.gain}
    return result


def _model(settings: KalmanSettings, inputs: Mapping[str, NDArray[np.float64]], sensors: int) -> StateSpace:
    """The state space; single numbers stand for matrices of size 1."""
    import numpy as np

    from redheart_core.exact.kalman import StateSpace

    matrices = {name: np.atleast_2d(values) for name, values in inputs.items() if name != "observations"}
    mean = np.atleast_1d(inputs["initial_mean"]) if "initial_mean" in inputs else None
    states = matrices["observation"].shape[1] if "observation" in matrices else sensors
    return StateSpace(
        transition=matrices.get("transition", np.eye(states)),
        observation=matrices.get("observation", np.eye(sensors)),
        process_noise=matrices.get("process_noise", settings.process_variance * np.eye(states)),
        observation_noise=matrices.get("observation_noise", settings.observation_variance * np.eye(sensors)),
        initial_mean=np.zeros(states) if mean is None else mean,
        initial_cov=matrices.get("initial_cov", settings.initial_variance * np.eye(states)),
    )
