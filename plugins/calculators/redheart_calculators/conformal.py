"""The calculator `exact_conformal`: prediction sets and intervals with known coverage, and calibration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import attrs
from attrs.validators import and_, ge, gt, lt

from redheart_calculators.results import nullable
from redheart_calculators.tasks import Task, chosen_tasks
from redheart_core import CalculatorInput, CalculatorSpec, DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TASKS = (
    Task("sets", ("probabilities", "labels"), ("test", "test_labels")),
    Task("intervals", ("prediction", "truth"), ("scale", "test_prediction", "test_scale")),
    Task("quantile_intervals", ("low", "high", "truth"), ("test_low", "test_high")),
    Task("calibration", ("confidence", "correct")),
    Task("temperature", ("logits", "labels")),
)


@attrs.frozen
class ConformalSettings:
    """The [plugins.exact_conformal] table."""

    alpha: float = attrs.field(default=0.1, validator=and_(gt(0.0), lt(1.0)))
    """Share of misses that is allowed."""
    score: Literal["aps", "lac", "raps"] = "aps"
    """Of sets."""
    penalty: float = attrs.field(default=0.1, validator=ge(0.0))
    """Of raps, for each rank beyond free_ranks."""
    free_ranks: int = attrs.field(default=1, validator=ge(0))
    randomised: bool = False
    """Draw u of aps and raps for each record, so that coverage is exact; otherwise u = 1."""
    per_class: bool = False
    """One threshold for each class."""
    bins: int = attrs.field(default=15, validator=ge(1))
    """Of the calibration error."""
    seed: int = attrs.field(default=0, validator=ge(0))


def spec() -> CalculatorSpec:
    """What it declares."""

    def given(name: str, meaning: str, axes: str = "(n,)") -> CalculatorInput:
        return CalculatorInput(name, meaning, axes, required=False)

    return CalculatorSpec(
        name="exact_conformal",
        meaning="conformal prediction sets and intervals, their coverage, calibration error, and temperature",
        settings=ConformalSettings,
        inputs=(
            given("probabilities", "of calibration records, each row sum 1", "(n, K)"),
            given("labels", "true labels of these, or of the logits, from 0"),
            given("test", "probabilities of records that want a set", "(m, K)"),
            given("test_labels", "their true labels, to count the coverage", "(m,)"),
            given("truth", "true numbers of calibration records"),
            given("prediction", "predicted numbers of these"),
            given("scale", "expected size of the error, > 0; 1 without"),
            given("test_prediction", "of records that want an interval", "(m,)"),
            given("test_scale", "their scale", "(m,)"),
            given("low", "predicted lower quantile of calibration records"),
            given("high", "predicted upper quantile"),
            given("test_low", "lower quantile of records that want an interval", "(m,)"),
            given("test_high", "upper quantile of these", "(m,)"),
            given("confidence", "0..1, for the calibration error"),
            given("correct", "0 or 1, whether that prediction was right"),
            given("logits", "for the temperature", "(n, K)"),
        ),
        compute=_compute,
        example={
            "probabilities": [
                [0.7, 0.2, 0.1],
                [0.5, 0.3, 0.2],
                [0.1, 0.6, 0.3],
                [0.25, 0.25, 0.5],
                [0.4, 0.35, 0.25],
                [0.05, 0.15, 0.8],
                [0.34, 0.33, 0.33],
                [0.9, 0.06, 0.04],
                [0.2, 0.5, 0.3],
            ],
            "labels": [0, 1, 1, 2, 2, 2, 0, 0, 2],
            "test": [[0.6, 0.3, 0.1], [0.4, 0.35, 0.25], [0.95, 0.03, 0.02]],
        },
    )


def _compute(settings: ConformalSettings, inputs: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
    computed = {
        "sets": _sets,
        "intervals": _intervals,
        "quantile_intervals": _quantile_intervals,
        "calibration": _calibration,
        "temperature": _temperature,
    }
    return {name: computed[name](settings, inputs) for name in chosen_tasks(inputs, TASKS)}


def _coverage(count: int, alpha: float) -> dict[str, Any] | None:
    """Mean and spread of the coverage over calibration sets; None where everything is covered."""
    from redheart_core.exact.conformal import conformal_rank, coverage

    if conformal_rank(count, alpha) > count:
        return None
    found = coverage(count, alpha)
    return {"mean": found.mean, "sd": found.sd}


def _accepted(count: int, alpha: float, tests: int) -> list[float]:
    """The covered shares of fresh records that are no evidence against the predictor, at the level 0.001."""
    from redheart_core.exact.conformal import coverage

    return [hits / tests for hits in coverage(count, alpha).accepted(tests)]


def _scores(
    settings: ConformalSettings, probabilities: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Of every label, (n, K)."""
    import numpy as np

    from redheart_core.exact.conformal import aps_scores, lac_scores, raps_scores

    if settings.score == "lac":
        return lac_scores(probabilities)
    u = rng.random(probabilities.shape[:-1]) if settings.randomised else np.ones(probabilities.shape[:-1])
    if settings.score == "aps":
        return aps_scores(probabilities, u)
    return raps_scores(probabilities, settings.penalty, settings.free_ranks, u)


def _sets(settings: ConformalSettings, inputs: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
    import numpy as np

    from redheart_core.exact.conformal import class_quantiles, conformal_quantile, of_labels, prediction_sets

    probabilities, labels = _table("probabilities", inputs), inputs["labels"]
    rng = np.random.default_rng(settings.seed)
    scores = of_labels(_scores(settings, probabilities, rng), labels)
    if settings.per_class:
        threshold = class_quantiles(scores, labels, probabilities.shape[1], settings.alpha)
    else:
        threshold = conformal_quantile(scores, settings.alpha)
    result: dict[str, Any] = {"scores": scores, "threshold": nullable(threshold)}
    if not settings.per_class:
        result["coverage"] = _coverage(len(labels), settings.alpha)
    if "test" not in inputs:
        if "test_labels" in inputs:
            raise DataError("'test_labels' needs 'test' beside it; give the probabilities of those records too")
        return result
    test = _table("test", inputs)
    if test.shape[1] != probabilities.shape[1]:
        raise DataError(f"'test' needs {probabilities.shape[1]} columns as 'probabilities', got {test.shape}")
    kept = prediction_sets(_scores(settings, test, rng), threshold)
    result["sets"] = [np.flatnonzero(row) for row in kept]
    result["mean_size"] = kept.sum(1).mean()
    if "test_labels" in inputs:
        result["covered"] = of_labels(kept.astype(np.float64), inputs["test_labels"]).mean()
        if result.get("coverage") is not None:
            result["coverage"]["accepted"] = _accepted(len(labels), settings.alpha, len(test))
    return result


def _table(name: str, inputs: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    if inputs[name].ndim != 2:
        raise DataError(f"'{name}' needs the shape (records, K), got {inputs[name].shape}; give one row a record")
    return inputs[name]


def _intervals(settings: ConformalSettings, inputs: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
    """mu -+ threshold sigma."""
    import numpy as np

    from redheart_core.exact.conformal import residual_scores

    names = ["truth", "prediction", *(["scale"] if "scale" in inputs else [])]
    truth, prediction, *scale = _columns(names, inputs)
    result = _thresholds(residual_scores(truth, prediction, *scale), settings.alpha)
    if ("test_scale" in inputs) != ("scale" in inputs and "test_prediction" in inputs):
        raise DataError("'test_scale' is needed where 'scale' and 'test_prediction' are given, and only there")
    if "test_prediction" in inputs:
        centre, *width = _columns(["test_prediction", *(["test_scale"] if scale else [])], inputs)
        reach = result["threshold"]
        if reach is None:
            return result | {"test_intervals": [None] * len(centre)}
        spread = reach * (width[0] if width else np.ones(len(centre)))
        return result | {"test_intervals": np.stack([centre - spread, centre + spread], 1)}
    return result


def _quantile_intervals(settings: ConformalSettings, inputs: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
    """lo - threshold .. hi + threshold."""
    import numpy as np

    from redheart_core.exact.conformal import cqr_scores

    result = _thresholds(cqr_scores(*_columns(["truth", "low", "high"], inputs)), settings.alpha)
    if ("test_low" in inputs) != ("test_high" in inputs):
        raise DataError("'test_low' and 'test_high' belong together; give both or neither")
    if "test_low" in inputs:
        low, high = _columns(["test_low", "test_high"], inputs)
        reach = result["threshold"]
        if reach is None:
            return result | {"test_intervals": [None] * len(low)}
        return result | {"test_intervals": np.stack([low - reach, high + reach], 1)}
    return result


def _columns(names: list[str], inputs: Mapping[str, NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    """Inputs of one common shape (n,)."""
    columns = [inputs[name] for name in names]
    shapes = [column.shape for column in columns]
    if len(shapes[0]) != 1 or len(set(shapes)) > 1:
        found = ", ".join(f"'{name}' {shape}" for name, shape in zip(names, shapes, strict=True))
        raise DataError(f"one number a record is needed in each, as many in all, got {found}")
    return columns


def _thresholds(scores: NDArray[np.float64], alpha: float) -> dict[str, Any]:
    from redheart_core.exact.conformal import conformal_quantile

    return {
        "scores": scores,
        "threshold": nullable(conformal_quantile(scores, alpha)),
        "coverage": _coverage(len(scores), alpha),
    }


def _calibration(settings: ConformalSettings, inputs: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
    from redheart_core.exact.calibration import calibration_bins
    from redheart_core.exact.numbers import whole

    found = calibration_bins(inputs["confidence"], whole("correct", inputs["correct"], 0, 2), settings.bins)
    return {
        "expected_error": found.expected_error,
        "largest_error": found.largest_error,
        "counts": found.counts,
        "accuracy": nullable(found.observed),
        "confidence": nullable(found.predicted),
    }


def _temperature(settings: ConformalSettings, inputs: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
    from redheart_core.exact.calibration import fit_temperature

    return {"temperature": fit_temperature(inputs["logits"], inputs["labels"])}
