"""A pretrained text encoder, fine-tuned on every field that a data set has."""

from __future__ import annotations

from redheart_core import NodeSpec, Output, hookimpl
from redheart_core.nn.answers import text_answers
from redheart_text_transformer.settings import TextTransformerSettings


@hookimpl
def redheart_provide_analyzers() -> list[NodeSpec]:
    """Offer the node of this plugin."""
    return [
        NodeSpec(
            name="text_transformer",
            meaning="every answer by a pretrained text encoder, fine-tuned in full or by low-rank adapters",
            settings=TextTransformerSettings,
            scales={
                "tiny": {"model": "untrained", "width": 16, "layers": 2, "heads": 2, "window": 32},
                "small": {},
                "base": {"model": "untrained", "width": 768, "layers": 12, "heads": 12},
                "full": {"model": "untrained", "width": 1024, "layers": 24, "heads": 16},
            },
            reads=("tokens",),
            gives=(Output("features", "state of the whole text, from which it answers", "features", ("width",)),),
            build="redheart_text_transformer.training:build",
            objective="redheart_text_transformer.training:objective",
            learns_any=text_answers,
            resources="redheart_text_transformer.opening:resources",
            tokenizer="redheart_text_transformer.opening:own_tokenizer",
            layers=(
                "base.embeddings",
                "base.encoder.layer.*|base.transformer.layer.*|base.encoder.layers.*|base.layers.*",
                "heads",
            ),
        )
    ]
