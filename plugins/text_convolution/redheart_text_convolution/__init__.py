"""Convolutions over subword embeddings that are learnt from the data, for those without a pretrained encoder."""

from __future__ import annotations

from redheart_core import NodeSpec, hookimpl
from redheart_core.nn.answers import text_answers
from redheart_text_convolution.settings import TextConvolutionSettings


@hookimpl
def redheart_provide_analyzers() -> list[NodeSpec]:
    """Offer the node of this plugin."""
    return [
        NodeSpec(
            name="text_convolution",
            meaning="every answer by convolutions over embeddings of subwords, learnt from the training texts alone",
            settings=TextConvolutionSettings,
            scales={
                "tiny": {"width": 8, "filters": 8},
                "small": {},
                "base": {"width": 512, "filters": 2048},
                "full": {"width": 1024, "filters": 4096},
            },
            reads=("tokens",),
            gives=(),
            build="redheart_text_convolution.training:build",
            grown="redheart_text_convolution.training:grown",
            objective="redheart_core.nn.answers:text_objective",
            learns_any=text_answers,
            layers=("embedding", "convolutions", "heads"),
        )
    ]
