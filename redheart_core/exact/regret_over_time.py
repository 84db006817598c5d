"""Regret over time: discounted streams, and how regrets of action and of inaction fade (Gilovich and Medvec 1995)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from redheart_core.exact.numbers import FloatArray, axes, finite, positive, within


def present_value(regrets: npt.ArrayLike, delta: float) -> FloatArray:
    """sum_t delta^t r_t over the last axis, t = 0, 1, ...; delta in 0..1 per step."""
    stream = axes("regrets", finite("regrets", regrets), "steps")
    return np.asarray(stream @ (within("delta", delta, 0.0, 1.0) ** np.arange(stream.shape[-1])))


def fading_intensity(weight: npt.ArrayLike, rate: npt.ArrayLike, time: npt.ArrayLike) -> FloatArray:
    """w e^(-lambda t): how strong a regret of weight w >= 0 is after t >= 0, lambda >= 0 per unit of t."""
    return np.asarray(within("weight", weight, 0.0) * np.exp(-within("rate", rate, 0.0) * within("time", time, 0.0)))


def fading_total(weight: npt.ArrayLike, rate: npt.ArrayLike, rho: npt.ArrayLike = 0.0) -> FloatArray:
    """w / (lambda + rho): the integral of the fading intensity, discounted at rho >= 0 per unit of time."""
    together = within("rate", rate, 0.0) + within("rho", rho, 0.0)
    return np.asarray(within("weight", weight, 0.0) / positive("rate + rho", together))


def crossing_time(
    action_weight: npt.ArrayLike,
    inaction_weight: npt.ArrayLike,
    action_rate: npt.ArrayLike,
    inaction_rate: npt.ArrayLike,
) -> FloatArray:
    """t* = ln(w_act / w_inact) / (lambda_act - lambda_inact), from when inaction is regretted more (Gilovich-Medvec).

    Raises:
        DataError: Not w_act >= w_inact > 0 and lambda_act > lambda_inact: the curves do not cross so.
    """
    ratio = positive("action_weight", action_weight) / positive("inaction_weight", inaction_weight)
    within("action_weight / inaction_weight", ratio, 1.0, remedy="actions have to hurt more at first")
    faster = within("action_rate", action_rate, 0.0) - within("inaction_rate", inaction_rate, 0.0)
    return np.asarray(np.log(ratio) / positive("action_rate - inaction_rate", faster, "actions have to fade faster"))
