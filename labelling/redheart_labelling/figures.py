"""Means and variances over passes, and the noise floor: how far two labellings of one text lie apart."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

import attrs

from redheart_core import Field
from redheart_labelling.ledger import AGAIN, Job, Ledger
from redheart_labelling.schema import Values
from redheart_labelling.texts import TextToLabel

_DECIMALS = 9
"""Of a mean; the answers have fewer."""


@attrs.frozen
class NoiseFloor:
    """Of a field, over all its labels."""

    field: str
    pairs: int
    """Texts that were labelled once more."""
    mean_difference: float | None
    """Mean absolute difference of the two labellings; of 0/1 labels the share that changed."""
    deviation: float | None
    """Standard deviation of one labelling, the root of the mean of d^2 / 2 (Dahlberg 1940)."""
    between_passes: float | None
    """The same from the variance over the passes; None with one pass."""


def mean(field: Field, passes: Sequence[Values]) -> dict[str, float | None]:
    """A field's numbers over the passes; a 0/1 label is what most of them say, and missing where they are divided."""
    means = {
        element: round(statistics.fmean(one[field.name][element] for one in passes), _DECIMALS)
        for element in field.elements
    }
    if not field.binary:
        return dict(means)
    return {element: None if one == 0.5 else float(round(one)) for element, one in means.items()}


def variance(field: Field, passes: Sequence[Values]) -> dict[str, float | None]:
    """The variance over the passes, with n - 1 in the denominator; None with one pass."""
    return {
        element: statistics.variance(one[field.name][element] for one in passes) if len(passes) > 1 else None
        for element in field.elements
    }


def passes_of(text: TextToLabel, ledger: Ledger, passes: int) -> dict[int, Values]:
    """The right answers of a text by pass."""
    jobs = [Job(text.id, text.sha256, turn) for turn in range(1, passes + 1)]
    return {job.turn: ledger.labelled[job].values for job in jobs if job in ledger.labelled}


def noise_floor(field: Field, texts: Sequence[TextToLabel], ledger: Ledger, passes: int) -> NoiseFloor:
    """How far labellings of one text lie apart: the first pass and the one more, and the passes among themselves."""
    pairs = [
        (ledger.labelled[first].values[field.name], ledger.labelled[again].values[field.name])
        for first, again in ((Job(text.id, text.sha256, 1), Job(text.id, text.sha256, AGAIN)) for text in texts)
        if first in ledger.labelled and again in ledger.labelled
    ]
    differences = [first[element] - again[element] for first, again in pairs for element in field.elements]
    variances = [
        one
        for text in texts
        for one in variance(field, list(passes_of(text, ledger, passes).values())).values()
        if one is not None
    ]
    return NoiseFloor(
        field.name,
        len(pairs),
        statistics.fmean(map(abs, differences)) if differences else None,
        math.sqrt(statistics.fmean(one * one for one in differences) / 2.0) if differences else None,
        math.sqrt(statistics.fmean(variances)) if variances else None,
    )
