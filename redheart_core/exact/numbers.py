"""What every exact calculator asks of the numbers that it is given."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from redheart_core.contract.errors import DataError

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]


def real(name: str, values: npt.ArrayLike, remedy: str = "") -> FloatArray:
    """The values as a float64 array of any shape; NaN and infinity pass.

    Raises:
        DataError: They are not real numbers or not rectangular.
    """
    try:
        array = np.asarray(values)
        if array.dtype.kind not in "biuf":
            raise TypeError(f"{array.dtype} is no real number")
        return array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(_message(f"{name} must be numbers in a rectangular array, got {error}", remedy)) from error


def finite(name: str, values: npt.ArrayLike, remedy: str = "drop or fill the missing numbers first") -> FloatArray:
    """The values as a float64 array without NaN and infinity.

    Raises:
        DataError: A value is not a finite number; the message says which.
    """
    array = real(name, values)
    if -np.inf < array.min(initial=np.inf) and array.max(initial=-np.inf) < np.inf:  # not of NaN
        return array
    raise DataError(_message(f"{name} must be finite, got {_first(array, ~np.isfinite(array))}", remedy))


def within(
    name: str, values: npt.ArrayLike, low: float = -np.inf, high: float = np.inf, remedy: str = "rescale or correct it"
) -> FloatArray:
    """The values as finite numbers within low..high, both included.

    Raises:
        DataError: A value is outside; the message says which.
    """
    array = finite(name, values)
    if array.min(initial=np.inf) < low or array.max(initial=-np.inf) > high:
        bad = (array < low) | (array > high)
        wanted = f"lie in {low:g}..{high:g}"
        if high == np.inf:
            wanted = f"be at least {low:g}"
        elif low == -np.inf:
            wanted = f"be at most {high:g}"
        raise DataError(_message(f"{name} must {wanted}, got {_first(array, bad)}", remedy))
    return array


def positive(name: str, values: npt.ArrayLike, remedy: str = "give a larger value") -> FloatArray:
    """The values as finite numbers above 0.

    Raises:
        DataError: A value is 0 or less; the message says which.
    """
    array = finite(name, values)
    if array.min(initial=np.inf) <= 0:
        raise DataError(_message(f"{name} must be above 0, got {_first(array, array <= 0)}", remedy))
    return array


def axes(name: str, array: FloatArray, *letters: str, least: int = 1) -> FloatArray:
    """The same array, once its last axes are known to be there and to hold enough.

    Args:
        name: What the array is, for the message.
        array: (..., *letters).
        letters: What the last axes mean, e.g. "acts", "states".
        least: Entries that each of them needs.

    Raises:
        DataError: An axis is missing or too short.
    """
    if array.ndim < len(letters) or any(size < least for size in array.shape[array.ndim - len(letters) :]):
        wanted = ", ".join(f"{letter} >= {least}" for letter in letters)
        raise DataError(f"{name} needs the shape (..., {wanted}), got {array.shape}; give at least {least} of each")
    return array


def shaped(name: str, array: FloatArray, shape: tuple[int, ...], meaning: str) -> FloatArray:
    """The same array, once it has exactly this shape.

    Raises:
        DataError: It has another.
    """
    if array.shape != shape:
        raise DataError(f"{name} needs the shape {shape} ({meaning}), got {array.shape}; reshape or transpose it")
    return array


def distribution(name: str, values: npt.ArrayLike, size: int | None = None) -> FloatArray:
    """Probabilities along the last axis: finite, >= 0, sum 1 within 1e-6.

    Raises:
        DataError: They are not, or there are not `size` of them.
    """
    array = axes(name, within(name, values, 0.0, remedy="normalise the probabilities first"), "outcomes")
    if size is not None and array.shape[-1] != size:
        raise DataError(f"{name} needs {size} probabilities on its last axis, got {array.shape}; give one per outcome")
    total = array.sum(-1)
    bad = np.abs(total - 1.0) > 1e-6
    if bad.any():
        raise DataError(f"{name} must sum to 1, got the sum {_first(total, bad)}; divide by the sum first")
    return array


def whole(name: str, values: npt.ArrayLike, low: int, high: int | None = None) -> IntArray:
    """The values as integers within low..high - 1.

    Raises:
        DataError: A value is no integer or outside.
    """
    array = within(name, values, low, np.inf if high is None else high - 1, remedy="count from 0")
    if (array != np.round(array)).any():
        raise DataError(
            f"{name} must be whole numbers, got {_first(array, array != np.round(array))}; round them first"
        )
    return array.astype(np.int64)


def batch(names: str, *shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The common shape of leading batch axes.

    Raises:
        DataError: The shapes do not fit together.
    """
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError as error:
        listed = ", ".join(map(str, shapes))
        raise DataError(f"{names} must have equal or broadcastable shapes, got {listed}; align their axes") from error


def _first(array: FloatArray, bad: BoolArray) -> str:
    value = array[bad].flat[0]
    if array.ndim == 0:
        return f"{value:g}"
    place = tuple(int(i) for i in np.argwhere(bad)[0])
    return f"{value:g} at {place[0] if len(place) == 1 else place} ({int(bad.sum())} such of {array.size})"


def _message(complaint: str, remedy: str) -> str:
    return f"{complaint}; {remedy}" if remedy else complaint
