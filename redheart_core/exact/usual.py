"""Sizes by field in units of what is usual, so that fields whose sizes differ can be compared."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from redheart_core.exact.numbers import FloatArray


def usual_sizes(found: Mapping[str, FloatArray], least: float = 0.0) -> dict[str, FloatArray]:
    """The mean size of each field over N texts, (N,) to ().

    Args:
        found: By field, NaN where a text has none.
        least: Fields whose mean is not above it are left out, as those without any size.
    """
    means = {name: np.nanmean(one) for name, one in found.items() if not np.isnan(one).all()}
    return {name: np.array(mean) for name, mean in means.items() if mean > least}


def in_units(found: Mapping[str, FloatArray], usual: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """The sizes of those fields that have a usual one, in its units."""
    return {name: one / usual[name] for name, one in found.items() if name in usual}


def largest(found: Mapping[str, FloatArray], count: int) -> FloatArray:
    """The largest size of each of N texts over the fields, (N,); NaN where there is none."""
    return np.asarray(np.fmax.reduce([*found.values(), np.full(count, np.nan)]))


def field_of_largest(found: Mapping[str, FloatArray], text: int) -> str | None:
    """The field on which a text has its largest size; None where it has none."""
    said = {name: float(one[text]) for name, one in found.items() if not np.isnan(one[text])}
    return max(said, key=lambda name: said[name]) if said else None
