"""Bentham circumstances from the backbone: gated ethical experts under six weight layers."""

from __future__ import annotations

from redheart_bentham_head.settings import BenthamHeadSettings
from redheart_core import NodeSpec, Output, hookimpl


@hookimpl
def redheart_provide_heads() -> list[NodeSpec]:
    """Offer the node of this plugin."""
    return [
        NodeSpec(
            name="bentham_head",
            meaning="Bentham circumstances from the backbone: gated ethical experts under six weight layers",
            settings=BenthamHeadSettings,
            scales={
                "tiny": {"width": 12, "experts": 3},
                "small": {},
                "base": {"width": 384},
                "full": {"width": 576},
            },
            reads=("embedding", "backbone.bentham", "backbone.sequence"),
            gives=(
                Output("bentham", "circumstances of pleasure or pain", "values", labels="bentham", low=0.0, high=1.0),
                Output(
                    "context_layers",
                    "weight of each layer of context over the experts",
                    "values",
                    labels="context_layers",
                    low=0.3,
                    high=2.5,
                ),
                Output("legal_risk", "legal risk in each domain", "values", labels="legal_risk", low=0.0, high=1.0),
                Output("gate", "share of each expert in the mixture", "probabilities", ("experts",), low=0.0, high=1.0),
            ),
            build="redheart_bentham_head.training:build",
            grown="redheart_bentham_head.training:grown",
            objective="redheart_bentham_head.training:objective",
            targets=("bentham",),
            optional_targets=("context_layers", "legal_risk"),
            group="backbone",
            layers=("base", "temporal", "weight_layers", "mixture", "output", "skips"),
        )
    ]
