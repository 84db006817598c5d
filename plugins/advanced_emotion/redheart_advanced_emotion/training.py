"""What advanced emotion learns: the distribution of emotions and, where the data set has them, culture and affect."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
from torch import Tensor

from redheart_advanced_emotion.model import SERIES, AdvancedEmotion, Parts
from redheart_advanced_emotion.settings import AdvancedEmotionSettings
from redheart_core import BuildContext, LossTerm, Metric, Objective, ShapeError
from redheart_core.nn.growing_axes import multiple_with_heads
from redheart_core.nn.losses import divergence, imbalance, squared_error
from redheart_core.nn.metrics import distribution_metrics, value_metrics


def build(context: BuildContext) -> AdvancedEmotion:
    """The module at the settings' widths, with the parts for which the data set has fields."""
    settings: AdvancedEmotionSettings = context.settings
    return AdvancedEmotion(
        width_in=context.input_width("embedding"),
        width=settings.width,
        heads=settings.heads,
        attention_layers=settings.attention_layers,
        recurrent_layers=settings.recurrent_layers,
        experts=settings.experts,
        parts=parts_of(context),
        position_width=settings.position_width,
        dropout=settings.dropout,
    )


def grown(smaller: AdvancedEmotionSettings, larger: AdvancedEmotionSettings) -> AdvancedEmotionSettings:
    """A width that repeats that of the smaller one; experts, recurrent layers and positions as before."""
    width, heads = multiple_with_heads((smaller.width, smaller.heads), (larger.width, larger.heads))
    return attrs.evolve(
        larger,
        width=width,
        heads=heads,
        experts=smaller.experts,
        recurrent_layers=smaller.recurrent_layers,
        position_width=smaller.position_width or smaller.width,
    )


def parts_of(context: BuildContext) -> Parts:
    """What the fields of the data set allow.

    Raises:
        ShapeError: A signal has other axes than expected.
    """
    axes = {"eeg": 2, "ecg": 2, "gsr": 2, "audio": 2, "image": 3, "history": 2}
    shapes = {name: _shape(context, name, count) for name, count in axes.items() if name in context.inputs}
    return Parts(
        emotions=len(context.labels("emotion")),
        series={name: shapes[name][-1] for name in SERIES if name in shapes},
        image_channels=shapes["image"][0] if "image" in shapes else 0,
        audio_channels=shapes["audio"][-1] if "audio" in shapes else 0,
        history_labels=shapes["history"][-1] if "history" in shapes else 0,
        culture_labels=len(context.labels("culture")) if "culture" in context.wanted else 0,
        affect_labels=len(context.labels("self_after")) if "affect" in context.wanted else 0,
    )


def objective(context: BuildContext) -> Objective:
    """Divergence from the labelled distribution, squared errors of what else is labelled, equal load of the experts."""
    settings: AdvancedEmotionSettings = context.settings
    losses = [LossTerm("emotion_logits", "emotion", "logits", divergence)]
    metrics = list(distribution_metrics("emotion", "emotion"))
    for output, target, weight in (
        ("culture", "culture", settings.culture_weight),
        ("affect", "self_after", settings.affect_weight),
    ):
        if output in context.wanted:
            losses.append(LossTerm(output, target, "values", squared_error, weight))
            metrics += [_named(metric, output) for metric in value_metrics(output, target)]

    def penalty(outputs: Mapping[str, Tensor]) -> Tensor:
        return settings.balance_weight * imbalance(outputs["gate"])

    return Objective(tuple(losses), tuple(metrics), penalty)


def _named(metric: Metric, output: str) -> Metric:
    """The metric under a name that no other output's has."""
    return attrs.evolve(metric, name=f"{output}_{metric.name}")


def _shape(context: BuildContext, name: str, axes: int) -> tuple[int, ...]:
    shape = tuple(int(size) for size in context.inputs[name])
    if len(shape) != axes:
        raise ShapeError(
            f"it expects the field '{name}' with {axes} axes, channels or labels "
            f"{'first' if name == 'image' else 'last'}; the data set declares {shape}"
        )
    return shape
