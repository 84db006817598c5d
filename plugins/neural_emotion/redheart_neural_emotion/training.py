"""What neural emotion learns, straight from the embedding."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
from torch import Tensor

from redheart_core import BuildContext, LossTerm, Metric, Objective
from redheart_core.nn.growing_axes import multiple_with_heads
from redheart_core.nn.losses import divergence, imbalance, squared_error
from redheart_core.nn.metrics import distribution_metrics, explained_variance
from redheart_neural_emotion.model import NeuralEmotion
from redheart_neural_emotion.settings import NeuralEmotionSettings


def build(context: BuildContext) -> NeuralEmotion:
    """The module at the settings' widths, for the data set's labels."""
    settings: NeuralEmotionSettings = context.settings
    return NeuralEmotion(
        width_in=context.input_width("embedding"),
        width=settings.width,
        heads=settings.heads,
        recurrent_layers=settings.recurrent_layers,
        experts=settings.experts,
        labels=len(context.labels("emotion")),
        culture=len(context.labels("culture")) if "culture" in context.wanted else 0,
        position_width=settings.position_width,
        dropout=settings.dropout,
        input_dropout=settings.input_dropout,
        skip_dropout=settings.skip_dropout,
    )


def grown(smaller: NeuralEmotionSettings, larger: NeuralEmotionSettings) -> NeuralEmotionSettings:
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


def objective(context: BuildContext) -> Objective:
    """Divergence from the labelled distribution, squared error on the culture, equal load of the experts."""
    settings: NeuralEmotionSettings = context.settings
    losses = [LossTerm("emotion_logits", "emotion", "logits", divergence)]
    metrics = [*distribution_metrics("emotion", "emotion")]
    if "culture" in context.wanted:
        losses.append(LossTerm("culture", "culture", "values", squared_error, settings.culture_weight))
        metrics.append(Metric("culture_explained_variance", "culture", "culture", explained_variance, "max"))

    def penalty(outputs: Mapping[str, Tensor]) -> Tensor:
        return settings.balance_weight * imbalance(outputs["gate"])

    return Objective(tuple(losses), tuple(metrics), penalty)
