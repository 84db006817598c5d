"""Self, other and community joined into what the self feels after an event."""

from __future__ import annotations

from redheart_core import NodeSpec, Output, hookimpl
from redheart_hierarchical.settings import HierarchicalSettings


@hookimpl
def redheart_provide_fusions() -> list[NodeSpec]:
    """Offer the node of this plugin."""
    return [
        NodeSpec(
            name="hierarchical",
            meaning="what the self feels after the event, from itself, each other and the community",
            settings=HierarchicalSettings,
            scales={
                "tiny": {"width": 12},
                "small": {},
                "base": {"width": 88},
                "full": {"width": 120},
            },
            reads=(
                "embedding",
                "self_before",
                "others_before",
                "phase0.projection",
                "phase1.others_after",
                "phase1.regret",
                "phase2.community",
                "phase2.consensus",
            ),
            gives=(
                Output("self_after", "affect of the self", "values", labels="self_after", low=-1.0, high=1.0),
                Output(
                    "shares",
                    "share of self, other and community in each affect",
                    "probabilities",
                    (3,),
                    labels="self_after",
                    low=0.0,
                    high=1.0,
                ),
            ),
            build="redheart_hierarchical.training:build",
            grown="redheart_hierarchical.training:grown",
            objective="redheart_hierarchical.training:objective",
            targets=("self_after",),
            layers=("reader", "state", "drive", "views"),
        )
    ]
