"""What the transformers are built from and what they learn."""

from __future__ import annotations

import attrs

from redheart_core import BuildContext, DataError, Field, LossTerm, Metric, Objective
from redheart_core.nn.answers import answer_objective
from redheart_core.nn.forecasts import forecast_objective
from redheart_core.nn.growing_axes import multiple_with_heads
from redheart_core.nn.quantiles import coverage_gap, pinball_in, weighted_quantile_loss
from redheart_core.nn.sequences import SequenceEncoder
from redheart_sequence_transformer.fields import ANSWERED, REMEMBERED
from redheart_sequence_transformer.model import Classes, Forecast, History, Scale, chosen
from redheart_sequence_transformer.settings import ClassSettings, ForecastSettings, HistorySettings, SequenceSettings


def build_forecast(context: BuildContext) -> Forecast:
    """The module, of the steps and channels that the data set has."""
    settings = context.settings
    assert isinstance(settings, ForecastSettings)
    target, known = context.fields["next"], context.fields.get("known")
    return Forecast(
        past=scale(context.fields["past"]),
        targets=len(target.labels),
        levels=settings.levels,
        known=None if known is None else scale(known),
        reads_level=settings.reads_level,
        encoder=_encoder(settings, len(context.fields["past"].labels)),
        dropout=settings.dropout,
    )


def forecast(context: BuildContext) -> Objective:
    """Squared error of the mean and pinball loss of the quantiles, in standard deviations of the training part."""
    settings, field = context.settings, context.fields["next"]
    assert isinstance(settings, ForecastSettings)
    shape = (field.axes[0], settings.quantiles, len(field.labels))
    quantiles = LossTerm(
        "next_quantiles",
        "next",
        "values",
        pinball_in(field.std, settings.levels),
        settings.quantile_weight,
        shape=shape,
    )
    plain = forecast_objective(field)
    figures = {"weighted_quantile_loss": weighted_quantile_loss(settings.levels)}
    if settings.quantiles > 1:
        figures["coverage_gap"] = coverage_gap(settings.levels[-1] - settings.levels[0])
    spread = (Metric(name, "next_quantiles", "next", one, "min", shape=shape) for name, one in figures.items())
    return attrs.evolve(plain, losses=(*plain.losses, quantiles), metrics=(*plain.metrics, *spread))


def build_classes(context: BuildContext) -> Classes:
    """The module, of the steps and channels that the data set has."""
    past, settings = context.fields["past"], context.settings
    assert isinstance(settings, ClassSettings)
    return Classes(
        fields=chosen(context.fields, ANSWERED),
        length=past.axes[0],
        past=scale(past),
        encoder=_encoder(settings, len(past.labels)),
        dropout=settings.dropout,
    )


def classes(context: BuildContext) -> Objective:
    """Cross-entropy of classes and squared error of numbers, in standard deviations of the training part."""
    return answer_objective(context, [field.name for field in chosen(context.fields, ANSWERED)])


def build_history(context: BuildContext) -> History:
    """The module, for as many earlier scenarios as the data set has."""
    read, settings = context.fields["history"], context.settings
    assert isinstance(settings, HistorySettings)
    return History(
        fields=chosen(context.fields, REMEMBERED),
        shape=(read.axes[0], len(read.labels)),
        encoder=_encoder(settings, len(read.labels)),
        dropout=settings.dropout,
    )


def history(context: BuildContext) -> Objective:
    """Squared errors in units of the fields' ranges."""
    return answer_objective(context, [field.name for field in chosen(context.fields, REMEMBERED)])


def grown(smaller: SequenceSettings, larger: SequenceSettings) -> SequenceSettings:
    """A width that repeats that of the smaller one, and its positions."""
    width, heads = multiple_with_heads((smaller.width, smaller.heads), (larger.width, larger.heads))
    return attrs.evolve(larger, width=width, heads=heads, position_width=smaller.position_width or smaller.width)


def scale(field: Field) -> Scale:
    """Of a field of numbers without a range of their own.

    Raises:
        DataError: The data set does not state it.
    """
    if not field.std:
        raise DataError(
            f"field '{field.name}' expects mean and std over the training records, one for each of "
            f"{', '.join(field.labels)}, and states none; let the data set give them in its Field"
        )
    return Scale(field.mean, field.std)


def _encoder(settings: SequenceSettings, channels: int) -> SequenceEncoder:
    return SequenceEncoder(
        channels,
        settings.patch,
        settings.width,
        settings.layers,
        settings.heads,
        settings.dropout,
        settings.position_width,
    )
