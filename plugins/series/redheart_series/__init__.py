"""The data set `series`: time series from the user's own files, and two forecasts in closed form to begin with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from redheart_core import DatasetSpec, Field, NodeSpec, Output, hookimpl
from redheart_series.settings import NaiveSettings, RidgeSettings, SeriesSettings

SCALES: Mapping[str, Mapping[str, Any]] = {"tiny": {}, "small": {}, "base": {}, "full": {}}


@hookimpl
def redheart_provide_datasets() -> list[DatasetSpec]:
    """Offer the data set."""
    return [
        DatasetSpec(
            name="series",
            meaning="windows of your own time series (CSV, JSON lines, Parquet), divided by time; a made-up sample "
            "without files",
            settings=SeriesSettings,
            fields="redheart_series.dataset:fields",
            records="redheart_series.dataset:records",
            texts=False,
            upcoming="redheart_series.upcoming:upcoming",
            sample={"context": 14, "horizon": 3, "stride": 4},
        )
    ]


@hookimpl
def redheart_provide_analyzers() -> list[NodeSpec]:
    """Offer the forecasts in closed form."""
    return [
        NodeSpec(
            name="series_naive",
            meaning="the forecast that changes nothing: the last value, or that of one season before",
            settings=NaiveSettings,
            scales=SCALES,
            reads=("past",),
            gives=(),
            build="redheart_series.training:build_naive",
            fit="redheart_series.training:fit_naive",
            objective="redheart_series.training:objective",
            learns_any=forecasts,
            not_exported="its season, a weight, decides which steps it reads",
        ),
        NodeSpec(
            name="series_ridge",
            meaning="the forecast as a linear map of the past and of what is known ahead, by ridge regression",
            settings=RidgeSettings,
            scales=SCALES,
            reads=("past",),
            gives=(),
            build="redheart_series.training:build_ridge",
            fit="redheart_series.training:fit_ridge",
            objective="redheart_series.training:objective",
            learns_any=forecasts,
            optional_reads=("known",),
        ),
    ]


def forecasts(fields: Mapping[str, Field]) -> dict[str, tuple[Output, ...]]:
    """The output that answers `next`, of as many steps as the data set has; see NodeSpec.learns_any."""
    if "next" not in fields:
        return {}
    field = fields["next"]
    return {"next": (Output("next", "the forecast, in units of the file", "values", field.axes, "next"),)}
