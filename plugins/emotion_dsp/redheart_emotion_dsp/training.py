"""What the emotion DSP learns, straight from the embedding."""

from __future__ import annotations

import attrs

from redheart_core import BuildContext, LossTerm, Objective
from redheart_core.nn.growing_axes import multiple_with_heads
from redheart_core.nn.losses import divergence
from redheart_core.nn.metrics import distribution_metrics
from redheart_emotion_dsp.model import EmotionDsp
from redheart_emotion_dsp.settings import EmotionDspSettings


def build(context: BuildContext) -> EmotionDsp:
    """The module at the settings' widths, for the data set's labels."""
    settings: EmotionDspSettings = context.settings
    return EmotionDsp(
        width_in=context.input_width("embedding"),
        labels=context.labels("emotion"),
        width=settings.width,
        heads=settings.heads,
        window=settings.window,
        tail=settings.tail,
        delays=settings.delays,
        dropout=settings.dropout,
        skip_dropout=settings.skip_dropout,
    )


def grown(smaller: EmotionDspSettings, larger: EmotionDspSettings) -> EmotionDspSettings:
    """A width that repeats that of the smaller one, as the pattern that resonates is a stream."""
    width, heads = multiple_with_heads((smaller.width, smaller.heads), (larger.width, larger.heads))
    return attrs.evolve(larger, width=width, heads=heads)


def objective(context: BuildContext) -> Objective:
    """Divergence from the labelled distribution; every stage lies on the path to it."""
    return Objective(
        losses=(LossTerm("emotion_logits", "emotion", "logits", divergence),),
        metrics=distribution_metrics("emotion", "emotion"),
    )
