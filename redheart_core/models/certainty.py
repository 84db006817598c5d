"""How far an answer can be relied on: its probabilities at their temperature, intervals, and sets of labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import attrs
import numpy as np

from redheart_core.contract.fields import Field
from redheart_core.exact.conformal import TIE
from redheart_core.exact.numbers import FloatArray
from redheart_core.models.calibration import Cell, LanguageCalibration, at_temperature
from redheart_core.models.findings import LabelValue
from redheart_core.models.manifest import LabelStatistics
from redheart_core.nn.answers import kind_of


def calibrated(
    field: Field, own: LanguageCalibration, values: Sequence[LabelValue], statistics: Mapping[str, LabelStatistics]
) -> Iterator[LabelValue]:
    """The numbers of a finding at their temperature, each with its interval or whether its label is in the set.

    Args:
        field: What is answered.
        own: What the calibration says of the answer in the text's language.
        values: In the order of the field's elements.
        statistics: Of the field's labels over the training records.
    """
    scaled = _scaled(field, own, [one.value for one in values])
    for cell, one, number in zip(own.cells, values, scaled, strict=True):
        yield attrs.evolve(
            _with_limit(field, cell, _moved(field, own, one, number, statistics[one.label])), borrowed=cell.borrowed
        )


def leading(field: Field, own: LanguageCalibration, values: Sequence[LabelValue]) -> tuple[str, ...] | None:
    """The labels that may have the largest share, of numbers at their temperature; None of fields without shares."""
    if own.leading is None or own.leading.limit is None:
        return None
    least = own.leading.limit - TIE
    return tuple(label for label, one in zip(field.labels, values, strict=True) if one.value >= least)


def together(field: Field, own: LanguageCalibration, values: Sequence[LabelValue]) -> tuple[str, ...] | None:
    """The labels of the set that misses few of a text's labels, of numbers at their temperature; None of fields whose
    labels are not 0 or 1."""
    if own.together is None or own.together.limit is None:
        return None
    least = own.together.limit - TIE
    return tuple(label for label, one in zip(field.labels, values, strict=True) if one.value >= least)


def _moved(
    field: Field, own: LanguageCalibration, one: LabelValue, number: float, statistics: LabelStatistics
) -> LabelValue:
    """With another number, its threshold at the same temperature, and its distance from the usual."""
    threshold = one.threshold
    if threshold is not None and kind_of(field) == "labels":
        (threshold,) = _scaled(field, own, [threshold])
    return attrs.evolve(one, value=number, threshold=threshold, deviations=statistics.deviations(number))


def _with_limit(field: Field, cell: Cell, one: LabelValue) -> LabelValue:
    if cell.limit is None:
        return one
    if field.binary:
        return attrs.evolve(one, in_set=one.value >= cell.limit - TIE)
    least, most = _range(field)
    return attrs.evolve(one, low=max(least, one.value - cell.limit), high=min(most, one.value + cell.limit))


def intervals(field: Field, own: LanguageCalibration, values: FloatArray) -> FloatArray:
    """Ends of the intervals around N answers at their temperature, (N, L) to (2, N, L); NaN where there are none."""
    limits = np.array([np.nan if field.binary or one.limit is None else one.limit for one in own.cells])
    least, most = _range(field)
    return np.stack([np.maximum(least, values - limits), np.minimum(most, values + limits)])


def _range(field: Field) -> tuple[float, float]:
    return (0.0, 1.0) if kind_of(field) != "values" else (field.low, field.high)


def _scaled(field: Field, own: LanguageCalibration, values: Sequence[float]) -> list[float]:
    found: list[float] = at_temperature(field, np.array([values], np.float64), own.temperature)[0].tolist()
    return found
