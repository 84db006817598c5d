"""Shapley values: what each part of a whole adds to its worth, on average over all orders in which the parts come."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def shapley_values(worth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shapley values (Shapley 1953, A Value for n-Person Games), exactly.

    Args:
        worth: (2**n, L), for each of L games the worth of every set of n parts; bit i of the row number says whether
            part i is in the set.

    Returns:
        (n, L); the sum over the parts is worth[-1] - worth[0].

    Raises:
        ValueError: The number of rows is no power of two.
    """
    parts = len(worth).bit_length() - 1
    if len(worth) != 1 << parts:
        raise ValueError(f"expects the worth of all sets of n parts, 2**n rows, got {len(worth)}")
    by_size = np.array([*(1 / (parts * math.comb(parts - 1, size)) for size in range(parts)), 0.0])
    weights = by_size[np.bitwise_count(np.arange(1 << parts))]
    values = np.empty((parts, worth.shape[1]))
    for part in range(parts):
        # The middle axis says whether the part is in the set.
        shape = (-1, 2, 1 << part)
        adds = np.diff(worth.reshape(*shape, worth.shape[1]), axis=1)
        values[part] = weights.reshape(shape)[:, 0].ravel() @ adds.reshape(-1, worth.shape[1])
    return values
