"""Fields: the named, typed tensors that a record holds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import attrs

from redheart_core._errors import DataError

Shape = tuple[int | str, ...]
"""Per-record shape; "T" stands for the chunks of the record's text."""


@attrs.frozen
class Field:
    """One named tensor of a record, float32.

    A field with labels is a vector with one number per label, in that order,
    and is always addressed by label name. Missing numbers are NaN in memory
    and on disk, never 0 or 0.5, so that a leak cannot go unnoticed.
    """

    name: str
    meaning: str
    low: float
    """Smallest allowed value, inclusive."""
    high: float
    """Largest allowed value, inclusive."""
    unit: str = "1"
    labels: tuple[str, ...] = ()
    """Ordered names of the last axis."""
    simplex: bool = False
    """The numbers of a record sum to one."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Per-record shape: (L,) with labels, () without."""
        return (len(self.labels),) if self.labels else ()

    def with_labels(self, *labels: str) -> Field:
        """The same field of a data set that holds only some of the labels."""
        unknown = [label for label in labels if label not in self.labels]
        if unknown or len(set(labels)) != len(labels) or not labels:
            raise DataError(
                f"field '{self.name}' has the labels {', '.join(self.labels)}; got {', '.join(labels) or 'none'}"
            )
        if self.simplex and set(labels) != set(self.labels):
            raise DataError(f"field '{self.name}' sums to one over all of {', '.join(self.labels)}; name all of them")
        return attrs.evolve(self, labels=tuple(label for label in self.labels if label in labels))

    def to_numbers(self, value: object, where: str) -> tuple[float, ...]:
        """Check one record's value and return it as numbers, NaN where missing.

        Args:
            value: A mapping of label to number for fields with labels, a number
                otherwise, None if the record lacks the field.
            where: Names the record in error messages, such as "train.jsonl line 7".

        Returns:
            One number per label, or a single one.

        Raises:
            DataError: Unknown label, not a number, out of range, or a sum that is not one.
        """
        if value is None:
            return (math.nan,) * max(1, len(self.labels))
        if not self.labels:
            return (self._number(value, self.name, where),)
        if not isinstance(value, Mapping):
            raise DataError(
                f"{where}: field '{self.name}' expects an object with the keys {', '.join(self.labels)}; "
                f"got {type(value).__name__} {value!r:.60}"
            )
        unknown = sorted(str(key) for key in value if key not in self.labels)
        if unknown:
            raise DataError(
                f"{where}: field '{self.name}' has no label {', '.join(unknown)} (labels: {', '.join(self.labels)})"
            )
        numbers = tuple(
            math.nan if value.get(label) is None else self._number(value[label], f"{self.name}.{label}", where)
            for label in self.labels
        )
        if self.simplex:
            numbers = self._distribution(numbers, where)
        return numbers

    def _number(self, value: object, name: str, where: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise DataError(f"{where}: {name} expects a number, got {type(value).__name__} {value!r:.60}")
        if not self.low <= value <= self.high:
            raise DataError(f"{where}: {name} expects a value in {self.low:g}..{self.high:g}, got {value!r}")
        return float(value)

    def _distribution(self, numbers: tuple[float, ...], where: str) -> tuple[float, ...]:
        """A distribution is whole or missing; labels rounded to 0.01 may miss one by 0.02."""
        missing = [label for label, number in zip(self.labels, numbers, strict=True) if math.isnan(number)]
        if len(missing) == len(numbers):
            return numbers
        total = math.fsum(number for number in numbers if not math.isnan(number))
        if missing or abs(total - 1.0) > 0.02:
            lacking = f"; missing: {', '.join(missing)}" if missing else ""
            raise DataError(
                f"{where}: field '{self.name}' has to sum to 1 over {', '.join(self.labels)}; got {total:g}{lacking}"
            )
        return tuple(number / total for number in numbers)


def _catalogue(*fields: Field) -> Mapping[str, Field]:
    return MappingProxyType({field.name: field for field in fields})


CATALOGUE: Mapping[str, Field] = _catalogue(
    Field(
        "emotion",
        "share of each emotion in the scenario",
        0.0,
        1.0,
        labels=("joy", "trust", "fear", "surprise", "sadness", "disgust", "anger"),
        simplex=True,
    ),
    Field("regret", "how much there is to regret: 0 nothing, 1 everything", 0.0, 1.0),
    Field(
        "bentham",
        "circumstances of the pleasure or pain after Bentham (1789, ch. IV), each mapped to 0..1",
        0.0,
        1.0,
        labels=("intensity", "duration", "certainty", "propinquity", "fecundity", "purity", "extent"),
    ),
    Field("utility", "bounded value of the act by the hedonic calculus, V / (V0 + |V|)", -1.0, 1.0),
    Field(
        "choice_factors",
        "the situation of choice: real alternatives, uncertainty of outcomes, expected loss, margin of the best act",
        0.0,
        1.0,
        labels=("selection", "uncertainty", "risk", "decision"),
    ),
    Field(
        "votes",
        "votes of a crowd on who is in the wrong",
        0.0,
        1e9,
        unit="votes",
        labels=("AUTHOR", "OTHER", "EVERYBODY", "NOBODY", "INFO"),
    ),
)
"""The fields that redheart knows; a data set may give these or declare its own."""


def describe_shape(shape: Sequence[int | str]) -> str:
    """A per-record shape as text for people: (B, T, 768)."""
    return "(" + ", ".join(["B", *(str(size) for size in shape)]) + ")"
