"""Bentham circumstances from the embedding: chunk reasoner, attention, LSTM and social readings."""

from __future__ import annotations

from redheart_core import NodeSpec, Output, hookimpl
from redheart_neural_bentham.settings import NeuralBenthamSettings


@hookimpl
def redheart_provide_analyzers() -> list[NodeSpec]:
    """Offer the node of this plugin."""
    return [
        NodeSpec(
            name="neural_bentham",
            meaning="Bentham circumstances from the embedding: chunk reasoner, attention, LSTM and social readings",
            settings=NeuralBenthamSettings,
            scales={
                "tiny": {"width": 8, "heads": 2, "experts": 3},
                "small": {},
                "base": {"width": 704, "heads": 16, "recurrent_layers": 4},
                "full": {"width": 1024, "heads": 16, "recurrent_layers": 4},
            },
            reads=("embedding",),
            gives=(
                Output("bentham", "circumstances of pleasure or pain", "values", labels="bentham", low=0.0, high=1.0),
                Output("burdens", "burdens of the act", "values", labels="burdens", low=-1.0, high=1.0),
                Output("context_layers", "weight of each layer", "values", labels="context_layers", low=0.3, high=2.5),
                Output(
                    "utility_horizons",
                    "value by each horizon, out of the long-term course",
                    "values",
                    labels="utility_horizons",
                    low=-1.0,
                    high=1.0,
                ),
                Output("gate", "share of each expert in the mixture", "probabilities", ("experts",), low=0.0, high=1.0),
            ),
            build="redheart_neural_bentham.training:build",
            grown="redheart_neural_bentham.training:grown",
            objective="redheart_neural_bentham.training:objective",
            targets=("bentham",),
            optional_targets=("burdens", "context_layers", "utility_horizons"),
            layers=(
                "reasoner",
                "attention",
                "norm",
                "longterm",
                "longterm_summary",
                "social",
                "integrators",
                "skips",
            ),
        )
    ]
