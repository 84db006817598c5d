"""What neural emotion learns, straight from the embedding."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from redheart_core import BuildContext, LossTerm, Objective
from redheart_core.losses import divergence, imbalance
from redheart_core.metrics import distribution_metrics
from redheart_neural_emotion.model import NeuralEmotion
from redheart_neural_emotion.settings import NeuralEmotionSettings


def build(context: BuildContext) -> NeuralEmotion:
    """The module at the settings' widths, for the data set's labels."""
    settings: NeuralEmotionSettings = context.settings
    return NeuralEmotion(
        context.input_width("embedding"),
        settings.width,
        settings.heads,
        settings.recurrent_layers,
        settings.experts,
        len(context.labels("emotion")),
        settings.dropout,
    )


def objective(settings: NeuralEmotionSettings) -> Objective:
    """Divergence from the labelled distribution, equal load of the experts."""

    def penalty(outputs: Mapping[str, Tensor]) -> Tensor:
        return settings.balance_weight * imbalance(outputs["gate"])

    return Objective(
        losses=(LossTerm("emotion_logits", "emotion", "logits", divergence),),
        metrics=distribution_metrics("emotion", "emotion"),
        penalty=penalty,
    )
