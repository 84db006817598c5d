"""Emotion from the embedding: chunk encoder, attention, LSTM tracker and a mixture of experts."""

from __future__ import annotations

from redheart_core import NodeSpec, Output, hookimpl
from redheart_neural_emotion.settings import NeuralEmotionSettings


@hookimpl
def redheart_provide_analyzers() -> list[NodeSpec]:
    """Offer the node of this plugin."""
    return [
        NodeSpec(
            name="neural_emotion",
            meaning="emotion from the embedding: chunk encoder, attention, LSTM tracker and a mixture of experts",
            settings=NeuralEmotionSettings,
            scales={
                "tiny": {"width": 12, "heads": 2, "experts": 3},
                "small": {},
                "base": {"width": 1024, "heads": 16, "recurrent_layers": 3},
                "full": {"width": 1536, "heads": 16, "recurrent_layers": 3},
            },
            reads=("embedding",),
            gives=(
                Output("emotion", "share of each emotion", "probabilities", labels="emotion", low=0.0, high=1.0),
                Output("emotion_logits", "the same before the softmax", "logits", labels="emotion"),
                Output("trajectory", "the logits of each chunk, whose mean they are", "logits", ("T",), "emotion"),
                Output("culture", "jeong, han, chemyeon", "values", labels="culture", low=0.0, high=1.0),
                Output("gate", "share of each expert in the mixture", "probabilities", ("experts",), low=0.0, high=1.0),
            ),
            build="redheart_neural_emotion.training:build",
            grown="redheart_neural_emotion.training:grown",
            objective="redheart_neural_emotion.training:objective",
            targets=("emotion",),
            adds_nothing="village and scenarios",
            optional_targets=("culture",),
            layers=("encoder", "fusion", "tracker", "pool", "state", "mixture", "readings", "skips"),
        )
    ]
