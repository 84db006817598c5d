"""Checks of the samples that the information measures are given."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from redheart_core.contract.errors import DataError
from redheart_core.exact.numbers import finite


def real_array(name: str, values: ArrayLike) -> NDArray[np.float64]:
    """A float64 array without NaN and infinity; the caller's array is not modified.

    Raises:
        DataError: Not numbers, ragged, empty, NaN or infinite.
    """
    array = finite(name, values, "leave out those samples, as nothing is filled in for them")
    if array.size == 0:
        raise DataError(f"{name} is empty (shape {array.shape}); give at least one number")
    return array


def sample_columns(name: str, values: ArrayLike) -> NDArray[np.float64]:
    """(N,) or (N, D) numbers as (N, D) float64, one row a sample.

    Raises:
        DataError: As `real_array`, another number of axes, or numbers so far apart that their difference overflows.
    """
    array = real_array(name, values)
    if array.ndim not in (1, 2):
        raise DataError(
            f"{name} has to be of shape (N,) or (N, D), one row a sample, got {array.shape}; "
            "flatten what belongs to one sample into its row"
        )
    largest = np.abs(array).max()
    if largest > np.finfo(np.float64).max / 4:
        raise DataError(f"{name} reaches {largest:g}, so that differences overflow; choose a larger unit")
    return array.reshape(len(array), -1)


def same_length(**columns: NDArray[np.float64]) -> int:
    """The common number of rows N.

    Raises:
        DataError: The numbers of rows differ.
    """
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise DataError(f"all variables need the same number of samples, got {found}; row i of each is one sample")
    return next(iter(lengths.values()))


def whole_number(name: str, value: int, at_least: int) -> int:
    """The same number.

    Raises:
        DataError: Not a whole number or too small.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < at_least:
        raise DataError(f"{name} has to be a whole number of at least {at_least}, got {value!r}")
    return int(value)
