"""The calculator `exact_trend`: trend, plateau, knee, smoothed minimum and one standard error of curves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import attrs
from attrs.validators import and_, ge, le

from redheart_calculators.tasks import Task, chosen_tasks
from redheart_core import CalculatorInput, CalculatorSpec, DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TASKS = (Task("series", ("series",), ("x",)), Task("one_standard_error", ("losses",)))


@attrs.frozen
class TrendSettings:
    """The [plugins.exact_trend] table."""

    relative_tolerance: float = attrs.field(default=0.05, validator=and_(ge(0.0), le(1.0)))
    """How much of its whole range the series may move within a plateau."""
    least_length: int = attrs.field(default=3, validator=ge(1))
    """Points of a plateau."""
    half_width: int = attrs.field(default=1, validator=ge(0))
    """The minimum is sought in means over 2 half_width + 1 points."""
    median: bool = False
    """In medians instead."""
    curve: Literal["convex", "concave"] = "convex"
    """Shape in which a knee is sought."""
    direction: Literal["decreasing", "increasing"] = "decreasing"
    sensitivity: float = attrs.field(default=1.0, validator=ge(0.0))
    """Of the knee."""
    block: int = attrs.field(default=0, validator=ge(0))
    """Steps that a permutation keeps together, for autocorrelated series; 0 leaves that test out."""
    permutations: int = attrs.field(default=999, validator=ge(1))
    paired: bool = False
    """Compare losses with the best index seed by seed."""
    seed: int = attrs.field(default=0, validator=ge(0))


def spec() -> CalculatorSpec:
    """What it declares."""
    return CalculatorSpec(
        name="exact_trend",
        meaning="Mann-Kendall trend and Sen slope, plateau, knee, smoothed minimum, one-standard-error choice",
        settings=TrendSettings,
        inputs=(
            CalculatorInput("series", "a curve, such as losses by epoch", "(n,)", required=False),
            CalculatorInput("x", "ascending places of its points; 0, 1, ... without", "(n,)", required=False),
            CalculatorInput("losses", "one row a seed, at least two", "(seeds, n)", required=False),
        ),
        compute=_compute,
        # vector W3
        example={"series": [1, 0.8, 0.7, 0.75, 0.6, 0.58, 0.59, 0.55, 0.54, 0.54]},
    )


def _compute(settings: TrendSettings, inputs: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name in chosen_tasks(inputs, TASKS):
        if name == "series":
            result |= _series(settings, inputs)
        else:
            result["one_standard_error"] = _one_standard_error(settings, inputs["losses"])
    return result


def _series(settings: TrendSettings, inputs: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
    """Everything about one curve; plateau and knee are None where there is none."""
    import numpy as np

    from redheart_core.exact.trend import block_permutation_p, find_plateau, kneedle, mann_kendall, smoothed_argmin

    series = inputs["series"]
    if series.ndim != 1 or len(series) < 2:
        raise DataError(f"'series' needs the shape (n >= 2,), got {series.shape}; give one curve")
    trend = attrs.asdict(mann_kendall(series))
    if settings.block:
        trend["block_permutation_p"] = block_permutation_p(series, settings.block, settings.permutations, settings.seed)
    plateau = find_plateau(series, settings.relative_tolerance, settings.least_length)
    knee = None
    if len(series) >= 3 and np.ptp(series) > 0:  # a constant has no knee, nor have two points
        places = inputs.get("x", np.arange(len(series), dtype=np.float64))
        knee = kneedle(places, series, settings.curve, settings.direction, settings.sensitivity)
    minimum = smoothed_argmin(series, settings.half_width, median=settings.median)
    return {
        "trend": trend,
        "plateau": None if plateau is None else [plateau.first, plateau.last],
        "knee": None if knee is None else attrs.asdict(knee),
        "minimum": {"index": minimum.index, "smoothed": minimum.smoothed},
    }


def _one_standard_error(settings: TrendSettings, losses: NDArray[np.float64]) -> dict[str, Any]:
    from redheart_core.exact.trend import one_standard_error

    found = one_standard_error(losses, paired=settings.paired)
    return {"means": found.means, "best": found.best, "choice": found.choice, "error": found.error}
