"""Emotion from text, simulated or measured signals and a person's history, by every part the data set can train."""

from __future__ import annotations

from redheart_advanced_emotion.settings import AdvancedEmotionSettings
from redheart_core import NodeSpec, Output, hookimpl


@hookimpl
def redheart_provide_analyzers() -> list[NodeSpec]:
    """Offer the node of this plugin."""
    return [
        NodeSpec(
            name="advanced_emotion",
            meaning="emotion from text, signals of body, face and voice, and history, with memory, trend and culture",
            adds_nothing="village",
            settings=AdvancedEmotionSettings,
            scales={
                "tiny": {"width": 12, "heads": 2, "experts": 3},
                "small": {},
                "base": {"width": 528, "heads": 12, "attention_layers": 2, "recurrent_layers": 3, "experts": 16},
                "full": {"width": 768, "heads": 12, "attention_layers": 2, "recurrent_layers": 3, "experts": 16},
            },
            reads=("embedding",),
            optional_reads=("eeg", "ecg", "gsr", "image", "audio", "history"),
            gives=(
                Output("emotion", "share of each emotion", "probabilities", labels="emotion", low=0.0, high=1.0),
                Output("emotion_logits", "the same before the softmax", "logits", labels="emotion"),
                Output("gate", "share of each expert in the mixture", "probabilities", ("experts",), low=0.0, high=1.0),
                Output("culture", "strength of each cultural concept", "values", labels="culture", low=0.0, high=1.0),
                Output("affect", "affect of the self afterwards", "values", labels="self_after", low=-1.0, high=1.0),
            ),
            build="redheart_advanced_emotion.training:build",
            grown="redheart_advanced_emotion.training:grown",
            objective="redheart_advanced_emotion.training:objective",
            targets=("emotion",),
            optional_targets=("culture", "self_after"),
            layers=("text_encoder", "pool", "tracker", "memory", "trend", "cultural_nuance", "norm", "mixture"),
        )
    ]
