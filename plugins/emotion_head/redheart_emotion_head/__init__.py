"""Emotion from the backbone: a mixture of experts and three levels, coarse to fine."""

from __future__ import annotations

from redheart_core import NodeSpec, Output, hookimpl
from redheart_emotion_head.settings import EmotionHeadSettings


@hookimpl
def redheart_provide_heads() -> list[NodeSpec]:
    """Offer the node of this plugin."""
    return [
        NodeSpec(
            name="emotion_head",
            meaning="emotion from the backbone: a mixture of experts and three levels, coarse to fine",
            settings=EmotionHeadSettings,
            scales={
                "tiny": {"width": 12, "heads": 2, "experts": 3},
                "small": {},
                "base": {"width": 512, "heads": 8},
                "full": {"width": 768, "heads": 12},
            },
            reads=("embedding", "backbone.emotion", "backbone.sequence"),
            gives=(
                Output("emotion", "share of each emotion", "probabilities", labels="emotion", low=0.0, high=1.0),
                Output("emotion_logits", "the same before the softmax", "logits", labels="emotion"),
                Output("valence_logits", "valence sign: positive, neutral, negative", "logits", (3,)),
                Output("family_logits", "family: wellbeing, surprise, distress, hostility", "logits", (4,)),
                Output("level_logits", "emotion, of the finest level alone", "logits", labels="emotion"),
                Output("culture", "jeong, han, chemyeon", "values", labels="culture", low=0.0, high=1.0),
                Output("gate", "share of each expert in the mixture", "probabilities", ("experts",), low=0.0, high=1.0),
            ),
            build="redheart_emotion_head.training:build",
            grown="redheart_emotion_head.training:grown",
            objective="redheart_emotion_head.training:objective",
            targets=("emotion",),
            optional_targets=("culture",),
            group="backbone",
            layers=("base", "attention", "levels", "mixture", "output", "skips"),
        )
    ]
