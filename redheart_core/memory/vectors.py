"""Vectors of cases: of length 1, so that the cosine distance of two is 1 minus their product."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from redheart_core.contract.errors import DataError

Vector = NDArray[Any] | Sequence[float]


def unit(vector: Vector, width: int, where: str) -> NDArray[np.float32]:
    """(D,) numbers scaled to length 1; those of that length, up to rounding, stay as they are to the last bit.

    Args:
        vector: Of any length above 0.
        width: D, of the encoder.
        where: Names the vector in messages.

    Raises:
        DataError: Another width, no numbers, numbers that are not finite, or all zero.
    """
    try:
        numbers = np.asarray(vector, np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{where}: expects {width} numbers as vector, got {type(vector).__name__}") from error
    if numbers.shape != (width,):
        raise DataError(f"{where}: the vector has the shape {numbers.shape}, the encoder's have ({width},)")
    if not np.isfinite(numbers).all():
        place = int(np.argmin(np.isfinite(numbers)))
        raise DataError(f"{where}: the vector holds {numbers[place]} at place {place}; expects finite numbers")
    largest = np.abs(numbers).max()
    if largest == 0.0:
        raise DataError(f"{where}: the vector is zero, as of a text of which the encoder knows no part")
    scaled = numbers / largest  # else squares may overflow
    length = np.linalg.norm(scaled)
    is_unit = abs(largest * length - 1.0) <= np.finfo(np.float32).eps
    normal: NDArray[np.float32] = (numbers if is_unit else scaled / length).astype(np.float32)
    return normal


def distances(query: NDArray[np.float32], vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """The cosine distances of N vectors (N, D) to one (D,), 0..2; each depends on its own vector alone, bit for bit."""
    products = (vectors.astype(np.float64) * query.astype(np.float64)).sum(axis=1)
    clipped: NDArray[np.float64] = np.clip(1.0 - products, 0.0, 2.0)
    return clipped


def spare(k: int) -> int:
    """How many candidates for the k nearest are measured exactly: rounding may change the order of some."""
    return 2 * k + 16


def text_vector(chunks: NDArray[Any]) -> NDArray[np.float64]:
    """(D,) of a text of several chunks (T, D): the direction of their mean; zero chunks add nothing."""
    summed: NDArray[np.float64] = chunks.astype(np.float64).sum(axis=0)
    return summed
