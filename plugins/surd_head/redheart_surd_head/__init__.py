"""Choice factors and causal parts from the backbone: a network for each beside a shared one."""

from __future__ import annotations

from redheart_core import NodeSpec, Output, hookimpl
from redheart_surd_head.settings import SurdHeadSettings


@hookimpl
def redheart_provide_heads() -> list[NodeSpec]:
    """Offer the node of this plugin."""
    return [
        NodeSpec(
            name="surd_head",
            meaning="choice factors and causal parts from the backbone: a network for each beside a shared one",
            settings=SurdHeadSettings,
            scales={
                "tiny": {"width": 18, "heads": 2, "residual_layers": 1},
                "small": {},
                "base": {"width": 384, "heads": 12, "residual_layers": 4},
                "full": {"width": 576, "heads": 12, "residual_layers": 4},
            },
            reads=("embedding", "backbone.surd", "backbone.sequence"),
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
            build="redheart_surd_head.training:build",
            grown="redheart_surd_head.training:grown",
            objective="redheart_surd_head.training:objective",
            optional_targets=("choice_factors", "causal_parts"),
            group="backbone",
            layers=("base", "residual", "attention", "networks", "output", "skips"),
        )
    ]
