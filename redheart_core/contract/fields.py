"""Fields: the named, typed tensors that a record holds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import attrs

from redheart_core.contract.errors import DataError
from redheart_core.contract.names import composed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Shape = tuple[int | str, ...]
"""Per-record shape; "T" stands for the chunks of the record's text."""


def _composed_all(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(composed, names))


@attrs.frozen
class Field:
    """One named tensor of a record, float32.

    A field with labels is a vector with one number per label, in that order, and is always addressed by label name.
    Axes in front of the labels count persons, acts, steps of a history or samples of a signal. Missing numbers are NaN
    in memory and on disk, never 0 or 0.5, so that a leak cannot go unnoticed.
    """

    name: str = attrs.field(converter=composed)
    """As the labels in NFC, in which names are compared."""
    meaning: str
    low: float
    """Smallest allowed value, inclusive."""
    high: float
    """Largest allowed value, inclusive."""
    unit: str = "1"
    labels: tuple[str, ...] = attrs.field(default=(), converter=_composed_all)
    """Ordered names of the last axis."""
    simplex: bool = False
    """The numbers of a record, or of each place on the axes, sum to one."""
    binary: bool = False
    """Each number is 0 or 1; several labels may be 1, or none."""
    counts: bool = False
    """The numbers say how often each label was chosen, such as votes; only their shares are predicted."""
    exact: bool = False
    """The data set computes the numbers exactly, from facts that its texts do not state."""
    mean: tuple[float, ...] = ()
    """Of each label, over the training records alone; with std, of numbers without a range of their own."""
    std: tuple[float, ...] = ()
    """Likewise the standard deviation, above 0, in which errors are measured."""
    step: tuple[float, ...] = ()
    """Likewise the mean absolute change from one step of a series to the next, above 0; of the times of steps, the one
    median step, in the time of the file."""
    axes: tuple[int, ...] = ()
    """Sizes of the axes in front of the labels; a record may fill less of them, from the start."""
    text: bool = False
    """A text that the record gives beside its own (text_field); its numbers are the mean of its chunks' vectors, (D,),
    which the store computes, so that a node can read it."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Per-record shape: the axes, then (L,) with labels."""
        return (*self.axes, len(self.labels)) if self.labels else self.axes

    @cached_property
    def elements(self) -> tuple[str, ...]:
        """A name for every number of a record, in memory order: "joy", "2.joy" on an axis, or the field's own."""
        places = itertools.product(*(range(1, size + 1) for size in self.axes))
        return tuple(
            ".".join([*map(str, place), *([label] if label else [])]) or self.name
            for place in places
            for label in self.labels or ("",)
        )

    def with_labels(self, *labels: str) -> Field:
        """The same field of a data set that holds only some of the labels."""
        labels = _composed_all(labels)
        unknown = [label for label in labels if label not in self.labels]
        if unknown or len(set(labels)) != len(labels) or not labels:
            raise DataError(
                f"field '{self.name}' has the labels {', '.join(self.labels)}; got {', '.join(labels) or 'none'}"
            )
        if self.simplex and set(labels) != set(self.labels):
            raise DataError(f"field '{self.name}' sums to one over all of {', '.join(self.labels)}; name all of them")
        return attrs.evolve(self, labels=tuple(label for label in self.labels if label in labels))

    def to_numbers(self, value: object, where: str) -> NDArray[np.float32]:
        """Check one record's value and return it as numbers, NaN where missing.

        Args:
            value: A mapping of label to number for fields with labels, a number otherwise; lists of these along the
                axes, which may be shorter than the axis; or one float array of the field's shape. None if missing.
            where: Names the record in error messages, such as "train.jsonl line 7".

        Returns:
            The field's shape, float32.

        Raises:
            DataError: Unknown label, not a number, out of range, or a sum that is not one.
        """
        import numpy as np

        if isinstance(value, np.ndarray):
            return self._array(value, where)
        numbers = np.full(self.shape, np.nan, dtype=np.float32)
        self._fill(numbers, value, self.axes, self.name, where)
        return numbers

    def _fill(self, numbers: NDArray[np.float32], value: object, axes: tuple[int, ...], name: str, where: str) -> None:
        """Write a value along the axes into the field's array."""
        if value is None:
            return
        if not axes:
            numbers[...] = self._place(value, name, where)
            return
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise DataError(f"{where}: {name} expects a list of at most {axes[0]}, got {type(value).__name__}")
        if len(value) > axes[0]:
            raise DataError(f"{where}: {name} expects at most {axes[0]} entries, got {len(value)}")
        for index, one in enumerate(value):
            self._fill(numbers[index : index + 1].reshape(numbers.shape[1:]), one, axes[1:], f"{name}[{index}]", where)

    def _array(self, value: NDArray[Any], where: str) -> NDArray[np.float32]:
        """Check a whole array."""
        import numpy as np

        if value.shape != self.shape or value.dtype.kind != "f" or self.simplex:
            wanted = "objects with labels, since it sums to one" if self.simplex else f"floats of shape {self.shape}"
            raise DataError(f"{where}: field '{self.name}' expects {wanted}; got {value.dtype} of shape {value.shape}")
        wrong = ~((value >= self.low) & (value <= self.high)) & ~np.isnan(value)
        if wrong.any():
            number = value[wrong][0]
            raise DataError(f"{where}: {self.name} expects a value in {self.low:g}..{self.high:g}, got {number!r}")
        return value.astype(np.float32)

    def _place(self, value: object, name: str, where: str) -> float | tuple[float, ...]:
        """One number, or one per label, at a place of the axes."""
        if not self.labels:
            return self._number(value, name, where)
        if not isinstance(value, Mapping):
            raise DataError(
                f"{where}: field '{name}' expects an object with the keys {', '.join(self.labels)}; "
                f"got {type(value).__name__} {value!r:.60}"
            )
        unknown = sorted(str(key) for key in value if key not in self.labels)
        if unknown and len(composed_value := {composed(str(key)): one for key, one in value.items()}) == len(value):
            value = composed_value
            unknown = sorted(key for key in value if key not in self.labels)
        if unknown:
            raise DataError(
                f"{where}: field '{name}' has no label {', '.join(unknown)} (labels: {', '.join(self.labels)})"
            )
        numbers = tuple(
            math.nan if value.get(label) is None else self._number(value[label], f"{name}.{label}", where)
            for label in self.labels
        )
        return self._distribution(numbers, where) if self.simplex else numbers

    def _number(self, value: object, name: str, where: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise DataError(f"{where}: {name} expects a number, got {type(value).__name__} {value!r:.60}")
        if not self.low <= value <= self.high:
            raise DataError(f"{where}: {name} expects a value in {self.low:g}..{self.high:g}, got {value!r}")
        if self.binary and value not in (0, 1):
            raise DataError(f"{where}: {name} expects 0 or 1, got {value!r}")
        return float(value)

    def _distribution(self, numbers: tuple[float, ...], where: str) -> tuple[float, ...]:
        """A distribution is whole or missing; labels rounded to 0.01 may miss one by 0.02."""
        missing = [label for label, number in zip(self.labels, numbers, strict=True) if math.isnan(number)]
        if len(missing) == len(numbers):
            return numbers
        total = math.fsum(number for number in numbers if not math.isnan(number))
        if missing or abs(total - 1.0) > 0.02:
            absent = f"; missing: {', '.join(missing)}" if missing else ""
            raise DataError(
                f"{where}: field '{self.name}' has to sum to 1 over {', '.join(self.labels)}; got {total:g}{absent}"
            )
        return tuple(number / total for number in numbers)


def text_field(name: str, meaning: str) -> Field:
    """A text that a record gives beside its own, such as an act that is compared: a string, or None if missing."""
    return Field(name, meaning, -1e9, 1e9, text=True)


def describe_shape(shape: Sequence[int | str]) -> str:
    """A per-record shape as text for people: (B, T, 768)."""
    return "(" + ", ".join(["B", *(str(size) for size in shape)]) + ")"
