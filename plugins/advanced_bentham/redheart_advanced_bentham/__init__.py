"""Ten Bentham dimensions and six context layers from the embedding, with the exact hedonic calculus in the path."""

from __future__ import annotations

from redheart_advanced_bentham.settings import AdvancedBenthamSettings
from redheart_core import NodeSpec, Output, hookimpl


@hookimpl
def redheart_provide_analyzers() -> list[NodeSpec]:
    """Offer the node of this plugin."""
    return [
        NodeSpec(
            name="advanced_bentham",
            meaning="ten Bentham dimensions and six context layers, valued by the exact hedonic calculus",
            adds_nothing="village",
            settings=AdvancedBenthamSettings,
            scales={
                "tiny": {"width": 12, "experts": 2},
                "small": {},
                "base": {"width": 512, "recurrent_layers": 2},
                "full": {"width": 768, "recurrent_layers": 2},
            },
            reads=("embedding",),
            gives=(
                Output("utility", "bounded value of the act", "values", low=-1.0, high=1.0),
                Output("bentham", "circumstances of pleasure or pain", "values", labels="bentham", low=0.0, high=1.0),
                Output("net_share", "net over gross pleasure and pain, H / G", "values", low=-1.0, high=1.0),
                Output("lots", "how many pleasures and pains the act brings about", "values", low=0.1, high=10.0),
                Output("levels", "share of each social level in the extent", "probabilities", (4,), low=0.0, high=1.0),
                Output("gate", "share of each ethical expert", "probabilities", ("experts",), low=0.0, high=1.0),
                Output("burdens", "cost, redistribution, self-damage", "values", labels="burdens", low=-1.0, high=1.0),
                Output("context_layers", "weight of each layer", "values", labels="context_layers", low=0.3, high=2.5),
                Output(
                    "utility_in_context",
                    "bounded value with all six layers",
                    "values",
                    low=-1.0,
                    high=1.0,
                    needs=("utility_in_context",),
                ),
                Output(
                    "utility_horizons",
                    "bounded value that the act has brought by each horizon",
                    "values",
                    labels="utility_horizons",
                    low=-1.0,
                    high=1.0,
                ),
            ),
            build="redheart_advanced_bentham.training:build",
            grown="redheart_advanced_bentham.training:grown",
            objective="redheart_advanced_bentham.training:objective",
            targets=("bentham", "utility"),
            optional_targets=("burdens", "context_layers", "utility_in_context", "utility_horizons"),
            layers=(
                "encoder",
                "norm",
                "social_impact",
                "deep_ethics",
                "cross_cultural",
                "skip",
                "weight_predictor",
                "balance",
            ),
        )
    ]
