"""Systems of three sources and a target to decompose: random ones, and mediator and collider."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
from numpy.typing import NDArray

from redheart_advanced_surd.paths import ten_shares
from redheart_core.exact.states import quantile_bins
from redheart_core.exact.surd import decompose

Pmf = NDArray[np.float64]
"""Joint distribution of the target (axis 0) and three sources, K states each: (K, K, K, K), sum 1."""

SOURCES = 3
DROPPED = 1000
"""First steps of a series that still remember where it began."""


@attrs.frozen(eq=False)
class Systems:
    """Distributions with their exact decomposition."""

    pmfs: NDArray[np.float32]
    """(N, K, K, K, K)."""
    shares: NDArray[np.float32]
    """(N, 10) shares of the target's entropy, in the order of PATHS."""


def exact_systems(pmfs: list[Pmf]) -> Systems:
    """Let the exact calculator decompose each."""
    shares = [ten_shares(decompose(pmf).term_shares()) for pmf in pmfs]
    return Systems(np.stack(pmfs).astype(np.float32), np.array(shares, dtype=np.float32))


def random_systems(count: int, states: int, rng: np.random.Generator) -> Systems:
    """Sources from independent to copies of each other, and a target by one or two noisy mechanisms of some of them."""
    return exact_systems([_random_system(states, rng) for _ in range(count)])


def mediator(samples: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """S29, q3 -> q2 -> q1: q1' = sin q2 + .001 w1; q2' = cos q3 + .01 w2; q3' = .5 q3 + .1 w3. (samples + 1, 3)."""
    noise = rng.standard_normal((DROPPED + samples, SOURCES)) * (0.001, 0.01, 0.1)
    third = _autoregressive(noise[:, 2])
    second = _next(np.cos(third), noise[:, 1])
    return np.stack([_next(np.sin(second), noise[:, 0]), second, third], 1)[DROPPED:]


def collider(samples: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """S30, q2 and q3 -> q1: q1' = sin(q2 q3) + .001 w1; q2' = .5 q2 + .1 w2; q3' = .5 q3 + .1 w3. (samples + 1, 3)."""
    noise = rng.standard_normal((DROPPED + samples, SOURCES)) * (0.001, 0.1, 0.1)
    second, third = _autoregressive(noise[:, 1]), _autoregressive(noise[:, 2])
    return np.stack([_next(np.sin(second * third), noise[:, 0]), second, third], 1)[DROPPED:]


def pmf_of_series(series: NDArray[np.float64], target: int, states: int) -> Pmf:
    """How often a variable's next state meets the present states of all: quantile bins of the whole series.

    Args:
        series: (N + 1, 3).
        target: Which variable's next value is the target.
        states: K.
    """
    bins = quantile_bins(series, states)
    cells = np.concatenate([bins[1:, target : target + 1], bins[:-1]], 1)
    pmf = np.zeros((states,) * (1 + SOURCES))
    np.add.at(pmf, tuple(cells.T), 1.0 / len(cells))
    return pmf


def published_systems(samples: int, states: int, rng: np.random.Generator) -> Mapping[str, Pmf]:
    """S29 and S30 with each of their variables as target."""
    series = {"S29": mediator(samples, rng), "S30": collider(samples, rng)}
    return {
        f"{name} q{target + 1}": pmf_of_series(values, target, states)
        for name, values in series.items()
        for target in range(SOURCES)
    }


def _next(drive: NDArray[np.float64], noise: NDArray[np.float64]) -> NDArray[np.float64]:
    """q(n + 1) = drive(n) + noise(n), from 0."""
    return np.concatenate([[0.0], (drive[: len(noise)] + noise)])


def _autoregressive(noise: NDArray[np.float64]) -> NDArray[np.float64]:
    """q(n + 1) = .5 q(n) + noise(n), from 0; what is older than 60 steps is below rounding."""
    weights = 0.5 ** np.arange(60)
    return np.concatenate([[0.0], np.convolve(noise, weights)[: len(noise)]])


def _random_system(states: int, rng: np.random.Generator) -> Pmf:
    sources = _random_sources(states, rng)
    given = _mechanism(states, rng)
    if rng.random() < 0.5:
        share = rng.random()
        given = share * given + (1 - share) * _mechanism(states, rng)
    pmf: Pmf = given * sources
    return pmf


def _random_sources(states: int, rng: np.random.Generator) -> Pmf:
    """p(q1, q2, q3)."""
    concentration = rng.choice([1.0, 5.0, 50.0])
    one, two, three = rng.dirichlet(np.full(states, concentration), 3)
    sources: Pmf = np.einsum("a,b,c->abc", one, two, three)
    if rng.random() < 0.4:  # one source follows another
        follows = rng.random()
        a, b = rng.permutation(SOURCES)[:2]
        tables = [one, two, three]
        conditional = follows * np.eye(states)[rng.permutation(states)] + (1 - follows) * tables[b]
        left = sources.sum(b, keepdims=True)
        shape = [1, 1, 1]
        shape[a] = shape[b] = states
        sources = left * (conditional if a < b else conditional.T).reshape(shape)
    if rng.random() < 0.3:  # anything at all
        share = rng.random()
        anything = rng.dirichlet(np.full(states**SOURCES, 0.3)).reshape(sources.shape)
        sources = share * anything + (1 - share) * sources
    return sources


def _mechanism(states: int, rng: np.random.Generator) -> Pmf:
    """p(t | q1, q2, q3): a function of one, two or all sources, with noise."""
    used = rng.permutation(SOURCES)[: rng.integers(1, SOURCES + 1)]
    grid = np.indices((states,) * SOURCES)[used]
    kind = rng.integers(4)
    if kind == 0:
        outcome = grid.sum(0) % states
    elif kind == 1:
        outcome = grid.max(0)
    elif kind == 2:  # a smooth function, binned by its own quantiles
        levels = (grid - (states - 1) / 2).astype(np.float64)
        drive = levels.prod(0) if rng.random() < 0.5 else np.tensordot(rng.standard_normal(len(used)), levels, 1)
        edges = np.quantile(drive, np.arange(1, states) / states)
        outcome = np.searchsorted(edges, drive, side="right")
    else:
        table = rng.integers(states, size=(states,) * len(used))
        outcome = table[tuple(grid)]
    noise = 10 ** rng.uniform(-3, 0)
    random = rng.dirichlet(np.ones(states))
    certain = np.moveaxis(np.eye(states)[outcome], -1, 0)
    given: Pmf = (1 - noise) * certain + noise * random.reshape(-1, 1, 1, 1)
    return given
