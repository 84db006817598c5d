"""How far an answer can be relied on: its probabilities at their temperature, intervals, and sets of labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from redheart_core.contract.fields import Field
from redheart_core.exact.conformal import TIE
from redheart_core.exact.numbers import FloatArray
from redheart_core.models.calibration import CalibrationPart, at_temperature
from redheart_core.models.findings import LabelValue
from redheart_core.models.manifest import LabelStatistics
from redheart_core.nn.answers import kind_of


def calibrated(
    field: Field,
    own: CalibrationPart,
    values: Sequence[LabelValue],
    statistics: Mapping[str, LabelStatistics],
    outer: FloatArray | None = None,
) -> Iterator[LabelValue]:
    """The numbers of a finding at their temperature, each with its interval or whether its label is in the set.

    Args:
        field: What is answered.
        own: What the calibration says of the answer in the text's language.
        values: In the order of the field's elements.
        statistics: Of the field's labels over the training records.
        outer: The lowest and the highest quantile that the node gives of each number, (2, L), if it gives any.
    """
    numbers = _scaled(field, own, [one.value for one in values])
    thresholds = _thresholds(field, own, [one.threshold for one in values])
    ends = intervals(field, own, np.array([numbers]), None if outer is None else outer[:, None])[:, 0].tolist()
    for cell, one, number, threshold, *end in zip(own.cells, values, numbers, thresholds, *ends, strict=True):
        low = high = in_set = None
        if cell.limit is not None and field.binary:
            in_set = number >= cell.limit - TIE
        elif cell.limit is not None:
            low, high = end
        deviations = statistics[one.label].deviations(number)
        yield LabelValue(
            one.label,
            number,
            one.training_mean,
            deviations,
            threshold,
            one.disagreement,
            low,
            high,
            in_set,
            cell.borrowed,
        )


def leading(field: Field, own: CalibrationPart, values: Sequence[LabelValue]) -> tuple[str, ...] | None:
    """The labels that may have the largest share, of numbers at their temperature; None of fields without shares."""
    if own.leading is None or own.leading.limit is None:
        return None
    least = own.leading.limit - TIE
    return tuple(label for label, one in zip(field.labels, values, strict=True) if one.value >= least)


def together(field: Field, own: CalibrationPart, values: Sequence[LabelValue]) -> tuple[str, ...] | None:
    """The labels of the set that misses few of a text's labels, of numbers at their temperature; None of fields whose
    labels are not 0 or 1."""
    if own.together is None or own.together.limit is None:
        return None
    least = own.together.limit - TIE
    return tuple(label for label, one in zip(field.labels, values, strict=True) if one.value >= least)


def intervals(field: Field, own: CalibrationPart, values: FloatArray, outer: FloatArray | None = None) -> FloatArray:
    """Ends of the intervals of N answers at their temperature, (2, N, L); NaN where there are none.

    They lie around the answer; of a node that gives quantiles they are the outermost ones, which calibration moves
    (conformalised quantile regression, Romano et al. 2019), so that they are as wide as each record asks for.

    Args:
        field: What is answered.
        own: What the calibration says of the answer in a language.
        values: (N, L).
        outer: (2, N, L), the lowest and the highest quantile, if the node gives any.
    """
    if field.binary:
        return np.full((2, *values.shape), np.nan)
    low, high = values - own.half_widths, values + own.half_widths
    if outer is not None:
        moved = ~np.isnan(own.margins)
        low, high = np.where(moved, outer[0] - own.margins, low), np.where(moved, outer[1] + own.margins, high)
        crossed = low > high
        low, high = np.where(crossed, (low + high) / 2, low), np.where(crossed, (low + high) / 2, high)
    least, most = _range(field)
    return np.array([np.maximum(least, low), np.minimum(most, high)])


def _range(field: Field) -> tuple[float, float]:
    return (0.0, 1.0) if kind_of(field) != "values" else (field.low, field.high)


def _thresholds(field: Field, own: CalibrationPart, thresholds: Sequence[float | None]) -> Sequence[float | None]:
    """Thresholds at the temperature of the numbers that they are compared with."""
    known = [one for one in thresholds if one is not None]
    if not known or kind_of(field) != "labels":
        return thresholds
    scaled = iter(_scaled(field, own, known))
    return [None if one is None else next(scaled) for one in thresholds]


def _scaled(field: Field, own: CalibrationPart, values: Sequence[float]) -> list[float]:
    found: list[float] = at_temperature(field, np.array([values], np.float64), own.temperature)[0].tolist()
    return found
