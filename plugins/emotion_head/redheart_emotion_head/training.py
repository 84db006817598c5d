"""What the emotion head learns: emotions, and their sums over families and valence signs."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
from torch import Tensor

from redheart_core import BuildContext, LossTerm, Metric, Objective, PluginError
from redheart_core.nn.losses import (
    divergence,
    grouped,
    imbalance,
    inconsistency,
    label_groups,
    soft_focal,
    squared_error,
)
from redheart_core.nn.metrics import distribution_metrics, explained_variance
from redheart_emotion_head.model import LEVELS, EmotionHead
from redheart_emotion_head.settings import EmotionHeadSettings

FAMILIES = {
    "wellbeing": ("joy", "trust"),
    "surprise": ("surprise",),
    "distress": ("fear", "sadness"),
    "hostility": ("disgust", "anger"),
}
"""Second level. Each family lies within one valence sign."""
VALENCE_OF_FAMILIES = {"positive": ("wellbeing",), "neutral": ("surprise",), "negative": ("distress", "hostility")}
VALENCE = {
    sign: tuple(label for family in families for label in FAMILIES[family])
    for sign, families in VALENCE_OF_FAMILIES.items()
}
"""First level. Surprise is neutral, as it can be either."""

Groups = tuple[tuple[int, ...], ...]


def build(context: BuildContext) -> EmotionHead:
    """The module at the settings' widths."""
    settings: EmotionHeadSettings = context.settings
    _, families = level_groups(context)
    return EmotionHead(
        width_in=context.input_width("backbone.emotion"),
        width_embedding=context.input_width("embedding"),
        width=settings.width,
        heads=settings.heads,
        experts=settings.experts,
        levels=(len(VALENCE), len(families), len(context.labels("emotion"))),
        culture=len(context.labels("culture")) if "culture" in context.wanted else 0,
        dropout=settings.dropout,
        skip_dropout=settings.skip_dropout,
    )


def grown(smaller: EmotionHeadSettings, larger: EmotionHeadSettings) -> EmotionHeadSettings:
    """As many experts as before."""
    return attrs.evolve(larger, experts=smaller.experts)


def objective(context: BuildContext) -> Objective:
    """Divergence or focal loss on the result, divergence at each level, levels that agree, equal load of experts."""
    settings: EmotionHeadSettings = context.settings
    signs, families = level_groups(context)
    signs_of_families = label_groups(tuple(FAMILIES), VALENCE_OF_FAMILIES)
    weight = settings.level_weight
    loss = soft_focal(settings.focal_gamma) if settings.focal_gamma else divergence
    has_culture = "culture" in context.wanted
    culture = (LossTerm("culture", "culture", "values", squared_error, settings.culture_weight),)
    culture_metric = (Metric("culture_explained_variance", "culture", "culture", explained_variance, "max"),)

    def penalty(outputs: Mapping[str, Tensor]) -> Tensor:
        valence, family, fine = (outputs[f"{level}_logits"] for level in LEVELS)
        disagreement = inconsistency(valence, family, signs_of_families) + inconsistency(family, fine, families)
        return settings.consistency_weight * disagreement + settings.balance_weight * imbalance(outputs["gate"])

    return Objective(
        losses=(
            LossTerm("emotion_logits", "emotion", "logits", loss),
            LossTerm("valence_logits", "emotion", "logits", grouped(divergence, signs), weight, shape=(len(signs),)),
            LossTerm("family_logits", "emotion", "logits", grouped(divergence, families), weight, (len(families),)),
            LossTerm("level_logits", "emotion", "logits", divergence, weight),
            *(culture if has_culture else ()),
        ),
        metrics=(*distribution_metrics("emotion", "emotion"), *(culture_metric if has_culture else ())),
        penalty=penalty,
    )


def level_groups(context: BuildContext) -> tuple[Groups, Groups]:
    """Places of each valence sign's and each family's emotions among the data set's, by name.

    Raises:
        PluginError: The data set names other emotions than the levels group.
    """
    labels = context.labels("emotion")
    known = [label for family in FAMILIES.values() for label in family]
    if sorted(labels) != sorted(known):
        raise PluginError(
            f"it groups the emotions {', '.join(known)}; the data set's field "
            f"'emotion' has {', '.join(labels)}: take the field of redheart's catalogue, or leave it out "
            "with --disable"
        )
    return label_groups(labels, VALENCE), label_groups(labels, FAMILIES)
