"""Systems that generate time series whose best forecast is known.

A system draws y of T steps from a seeded generator. Its best forecast at an origin t is E[y_{t+h} | y_1..y_t] for h =
1..H, by the system's own equations, which no model can beat in mean squared error on average.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs
import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
WARM_UP = 200


@attrs.frozen
class System:
    """A generator and its best forecast."""

    name: str
    season: int
    """Steps of a season that a user would know of; 1 without any."""
    draw: Callable[[np.random.Generator, int], Numbers]
    best: Callable[[Numbers, int], Numbers]
    """(T,) and H to (T, H): at each origin the forecast of the H steps that follow it."""


def recursive(weights: dict[int, float], constant: float = 0.0) -> System:
    """y_t = constant + sum of weights[lag] y_{t - lag} + e_t, e standard normal."""

    def draw(generator: np.random.Generator, steps: int) -> Numbers:
        y = generator.standard_normal(steps + WARM_UP)
        for t in range(max(weights), len(y)):
            y[t] += constant + sum(weight * y[t - lag] for lag, weight in weights.items())
        return y[WARM_UP:]

    def best(y: Numbers, horizon: int) -> Numbers:
        found = np.full((len(y), horizon), np.nan)
        for ahead in range(horizon):
            value = np.full(len(y), constant)
            for lag, weight in weights.items():
                if lag <= ahead:
                    value += weight * found[:, ahead - lag]
                else:
                    back = lag - ahead - 1
                    value += weight * np.concatenate([np.full(back, np.nan), y[: len(y) - back]])
            found[:, ahead] = value
        return found

    return System("", 1, draw, best)


def seasonal_weights(near: float, far: float, season: int) -> dict[int, float]:
    """(1 - near B)(1 - far B^season) y = e."""
    return {1: near, season: far, season + 1: -near * far}


def switching(slopes: Sequence[float], stay: float) -> System:
    """A first-order autoregression whose slope is that of a hidden Markov regime (Hamilton 1989), e standard normal."""
    phi = np.array(slopes)
    size = len(phi)
    moves = np.full((size, size), (1 - stay) / (size - 1))
    np.fill_diagonal(moves, stay)

    def draw(generator: np.random.Generator, steps: int) -> Numbers:
        e, turns = generator.standard_normal(steps + WARM_UP), generator.random(steps + WARM_UP)
        y, regime = np.zeros(len(e)), 0
        for t in range(1, len(e)):
            regime = int(np.searchsorted(moves[regime].cumsum(), turns[t]))
            y[t] = phi[regime] * y[t - 1] + e[t]
        return y[WARM_UP:]

    def best(y: Numbers, horizon: int) -> Numbers:
        found = np.zeros((len(y), horizon))
        regimes = np.full(size, 1 / size)
        for t in range(len(y)):
            if t:
                regimes = (regimes @ moves) * np.exp(-0.5 * (y[t] - phi * y[t - 1]) ** 2)
                regimes /= regimes.sum()
            carried = regimes * y[t]  # E[y; regime], step by step
            for ahead in range(horizon):
                carried = (carried @ moves) * phi
                found[t, ahead] = carried.sum()
        return found

    return System("", 1, draw, best)


def chaotic(rate: float, shake: float, noise: float, cells: int = 400) -> System:
    """The logistic map x' = rate x (1 - x) + shake e, kept within 0..1, seen as y = x + noise f; e and f are normal.

    The best forecast filters x on a grid (the exact Bayes filter up to the width of a cell).
    """
    middles = (np.arange(cells) + 0.5) / cells
    kernel = np.exp(-0.5 * ((middles - (rate * middles * (1 - middles))[:, None]) / shake) ** 2)
    kernel /= kernel.sum(1, keepdims=True)

    def draw(generator: np.random.Generator, steps: int) -> Numbers:
        e, f = generator.standard_normal((2, steps + WARM_UP))
        x = np.zeros(len(e))
        x[0] = 0.4
        for t in range(1, len(e)):
            x[t] = np.clip(rate * x[t - 1] * (1 - x[t - 1]) + shake * e[t], 0.5 / cells, 1 - 0.5 / cells)
        seen: Numbers = (x + noise * f)[WARM_UP:]
        return seen

    def best(y: Numbers, horizon: int) -> Numbers:
        found, belief = np.zeros((len(y), horizon)), np.full(cells, 1 / cells)
        means = [middles]
        for _ in range(horizon):
            means.append(kernel @ means[-1])
        ahead = np.stack(means[1:], 1)
        for t in range(len(y)):
            belief = (belief @ kernel) * np.exp(-0.5 * ((y[t] - middles) / noise) ** 2)
            belief /= belief.sum()
            found[t] = belief @ ahead
        return found

    return System("", 1, draw, best)


SYSTEMS: tuple[System, ...] = (
    attrs.evolve(recursive({1: 1.2, 2: -0.5}), name="AR(2)"),
    attrs.evolve(recursive(seasonal_weights(0.5, 0.8, 12)), name="seasonal AR", season=12),
    attrs.evolve(switching((0.95, -0.8), 0.95), name="regime switching"),
    attrs.evolve(chaotic(3.8, 0.01, 0.03), name="logistic map"),
)


def autocovariances(weights: dict[int, float], lags: int) -> Numbers:
    """Of a stationary autoregression with standard normal e: the impulse response with itself, (lags,)."""
    response = np.zeros(4000)
    response[0] = 1.0
    for t in range(1, len(response)):
        response[t] = sum(weight * response[t - lag] for lag, weight in weights.items() if lag <= t)
    return np.array([response[: len(response) - lag] @ response[lag:] for lag in range(lags)])
