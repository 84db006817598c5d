"""Spread and chance level of nearest-neighbour estimates, without repeated samples."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np
from numpy.typing import ArrayLike, NDArray

from redheart_core.contract.errors import DataError
from redheart_core.exact.neighbours import Estimate, Scaling, mutual_information
from redheart_core.exact.samples import sample_columns, whole_number


@attrs.frozen
class PermutationTest:
    """An estimate beside those of the same samples with their pairing destroyed."""

    estimate: Estimate
    null: tuple[float, ...]
    """Nats of each permutation; their mean is the bias under independence, their spread that of chance."""
    p_value: float
    """(1 + permutations at least as large) / (1 + permutations)."""


def permutation_test(
    x: ArrayLike,
    y: ArrayLike,
    *,
    rng: np.random.Generator,
    permutations: int = 99,
    k: int = 5,
    scaling: Scaling = "standard",
) -> PermutationTest:
    """Whether I(X; Y) exceeds what independent x and y would give, for samples that are independent of each other.

    Only for the unconditional information: permuting x would also destroy what it shares with a z.

    Args:
        x: (N,) or (N, D).
        y: (N,) or (N, E).
        rng: Source of the permutations.
        permutations: At least 19, as the p-value is never below 1 / (permutations + 1).
        k: As in `neighbours.mutual_information`.
        scaling: As in `neighbours.mutual_information`.

    Raises:
        DataError: As `neighbours.mutual_information`.
    """
    whole_number("permutations", permutations, 19)
    estimate = mutual_information(x, y, k=k, scaling=scaling)
    rows = sample_columns("x", x)
    null = tuple(mutual_information(rng.permutation(rows), y, k=k, scaling=scaling).nats for _ in range(permutations))
    larger = sum(nats >= estimate.nats for nats in null)
    return PermutationTest(estimate, null, (1 + larger) / (1 + permutations))


def subsampling_error(
    estimate: Callable[[NDArray[np.int64]], float],
    samples: int,
    *,
    rng: np.random.Generator,
    parts: int = 5,
    rounds: int = 10,
) -> float:
    """Standard error of an estimate from N samples by parts that share none (Holmes and Nemenman 2019).

    A bootstrap draws samples twice, which a nearest-neighbour estimate takes for strong dependence. Parts drawn
    without replacement hold no sample twice; the variance falls as 1/N, so that of the whole is the variance
    between parts divided by their number, meaned over several random divisions.

    Args:
        estimate: Function of (N / parts,) row numbers, for example
            ``lambda rows: mutual_information(x[rows], y[rows]).nats``.
        samples: N. Rows have to be independent of each other.
        rng: Source of the divisions.
        parts: At least 2; each part has to be large enough for the estimate itself.
        rounds: How many divisions.

    Raises:
        DataError: Parts of fewer than two samples, or what the estimate raises.
    """
    whole_number("parts", parts, 2)
    whole_number("rounds", rounds, 1)
    if samples < 2 * parts:
        raise DataError(f"{samples} samples are too few for {parts} parts; use fewer parts or more samples")
    size = samples // parts
    variances = []
    for _ in range(rounds):
        order = rng.permutation(samples)
        values = [estimate(order[part * size : (part + 1) * size]) for part in range(parts)]
        variances.append(np.var(values, ddof=1))
    return float(np.sqrt(np.mean(variances) / parts))
