"""What the emotion head learns: emotions, and their sums over families and valence signs."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from redheart_core import CATALOGUE, BuildContext, LossTerm, Objective, PluginError
from redheart_core.losses import divergence, grouped, imbalance, label_groups, soft_focal
from redheart_core.metrics import distribution_metrics
from redheart_emotion_head.model import EmotionHead
from redheart_emotion_head.settings import EmotionHeadSettings

LABELS = CATALOGUE["emotion"].labels
FAMILIES = {
    "wellbeing": ("joy", "trust"),
    "surprise": ("surprise",),
    "distress": ("fear", "sadness"),
    "hostility": ("disgust", "anger"),
}
"""Second level. Each family lies within one valence sign."""
VALENCE = {
    "positive": FAMILIES["wellbeing"],
    "neutral": FAMILIES["surprise"],
    "negative": FAMILIES["distress"] + FAMILIES["hostility"],
}
"""First level. Surprise is neutral, as it can be either."""


def build(context: BuildContext) -> EmotionHead:
    """The module at the settings' widths.

    Raises:
        PluginError: The data set names other emotions than the levels group.
    """
    settings: EmotionHeadSettings = context.settings
    labels = context.labels("emotion")
    if labels != LABELS:
        raise PluginError(
            f"plugin 'emotion_head' groups the emotions {', '.join(LABELS)}, in this order; the data set's field "
            f"'emotion' has {', '.join(labels)}: take the field of redheart's catalogue, or leave out with "
            "--disable emotion_head"
        )
    return EmotionHead(
        context.input_width("backbone.emotion"),
        settings.width,
        settings.heads,
        settings.experts,
        (len(VALENCE), len(FAMILIES), len(labels)),
        settings.dropout,
    )


def objective(settings: EmotionHeadSettings) -> Objective:
    """Soft focal loss on the result, divergence at each level, equal load of the experts."""
    valence = grouped(divergence, label_groups(LABELS, VALENCE))
    family = grouped(divergence, label_groups(LABELS, FAMILIES))
    weight = settings.level_weight

    def penalty(outputs: Mapping[str, Tensor]) -> Tensor:
        return settings.balance_weight * imbalance(outputs["gate"])

    return Objective(
        losses=(
            LossTerm("emotion_logits", "emotion", "logits", soft_focal(settings.focal_gamma)),
            LossTerm("valence_logits", "emotion", "logits", valence, weight, shape=(len(VALENCE),)),
            LossTerm("family_logits", "emotion", "logits", family, weight, shape=(len(FAMILIES),)),
            LossTerm("level_logits", "emotion", "logits", divergence, weight),
        ),
        metrics=distribution_metrics("emotion", "emotion"),
        penalty=penalty,
    )
