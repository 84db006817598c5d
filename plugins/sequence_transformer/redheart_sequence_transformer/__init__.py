"""Transformers over time series and over the earlier scenarios of a person."""

from __future__ import annotations

from typing import Any

from redheart_core import NodeSpec, hookimpl
from redheart_sequence_transformer.fields import classes, followers, forecasts
from redheart_sequence_transformer.settings import ClassSettings, ForecastSettings, HistorySettings

SCALES: dict[str, dict[str, Any]] = {
    "tiny": {"width": 16, "layers": 1, "heads": 2},
    "small": {},
    "base": {"width": 512, "layers": 8, "heads": 8},
    "full": {"width": 768, "layers": 12, "heads": 12},
}
RATES = {"tiny": 0.01, "small": 0.01}
"""For a few thousand windows; those of larger scales were not searched."""
LAYERS = ("encoder.patches", "encoder.layers.*", "encoder.norm|encoder.pooling", "head|answers")


@hookimpl
def redheart_provide_analyzers() -> list[NodeSpec]:
    """Offer the nodes of this plugin."""
    return [
        NodeSpec(
            name="sequence_forecast",
            meaning="the steps ahead of a series as mean and quantiles: a linear forecast and what a transformer adds",
            settings=ForecastSettings,
            scales=SCALES,
            learning_rates=RATES,
            reads=("past", "past_times", "series_ridge.next"),
            gives=(),
            build="redheart_sequence_transformer.training:build_forecast",
            grown="redheart_sequence_transformer.training:grown",
            objective="redheart_sequence_transformer.training:forecast",
            learns_any=forecasts,
            optional_reads=("known",),
            layers=LAYERS,
        ),
        NodeSpec(
            name="sequence_class",
            meaning="classes and numbers that hold of a window of a series, by a transformer over its steps",
            settings=ClassSettings,
            scales=SCALES,
            learning_rates=RATES,
            reads=("past", "past_times"),
            gives=(),
            build="redheart_sequence_transformer.training:build_classes",
            grown="redheart_sequence_transformer.training:grown",
            objective="redheart_sequence_transformer.training:classes",
            learns_any=classes,
            layers=LAYERS,
        ),
        NodeSpec(
            name="sequence_history",
            meaning="regret, utility and affect of a person from their earlier scenarios, by a transformer over these",
            settings=HistorySettings,
            scales=SCALES,
            reads=("history",),
            gives=(),
            build="redheart_sequence_transformer.training:build_history",
            grown="redheart_sequence_transformer.training:grown",
            objective="redheart_sequence_transformer.training:history",
            learns_any=followers,
            layers=LAYERS,
        ),
    ]
