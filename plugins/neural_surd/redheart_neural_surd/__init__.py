"""Choice factors and causal parts from the embedding: chunk reasoner, a network for each, and a shared one."""

from __future__ import annotations

from redheart_core import NodeSpec, Output, hookimpl
from redheart_neural_surd.settings import NeuralSurdSettings


@hookimpl
def redheart_provide_analyzers() -> list[NodeSpec]:
    """Offer the node of this plugin."""
    return [
        NodeSpec(
            name="neural_surd",
            meaning="choice factors and causal parts from the embedding: chunk reasoner and a network for each",
            settings=NeuralSurdSettings,
            scales={
                "tiny": {"width": 12},
                "small": {},
                "base": {"width": 512},
                "full": {"width": 768},
            },
            reads=("embedding",),
            gives=(
                Output(
                    "choice_factors", "the situation of choice", "values", labels="choice_factors", low=0.0, high=1.0
                ),
                Output(
                    "causal_parts",
                    "synergistic, unique, redundant part and leak of the causes",
                    "probabilities",
                    labels="causal_parts",
                    low=0.0,
                    high=1.0,
                ),
                Output("causal_parts_logits", "the same before the softmax", "logits", labels="causal_parts"),
            ),
            build="redheart_neural_surd.training:build",
            grown="redheart_neural_surd.training:grown",
            objective="redheart_neural_surd.training:objective",
            optional_targets=("choice_factors", "causal_parts"),
            layers=("reasoner", "networks", "calculator", "skips"),
        )
    ]
