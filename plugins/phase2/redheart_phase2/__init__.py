"""Phase 2: a community's affect after an event, from the set of its persons."""

from __future__ import annotations

from redheart_core import NodeSpec, Output, hookimpl
from redheart_phase2.settings import Phase2Settings


@hookimpl
def redheart_provide_analyzers() -> list[NodeSpec]:
    """Offer the node of this plugin."""
    return [
        NodeSpec(
            name="phase2",
            meaning="the affect of a community after the event, from the set of its persons, whatever their order",
            settings=Phase2Settings,
            scales={
                "tiny": {"width": 12, "heads": 2},
                "small": {},
                "base": {"width": 320, "heads": 8},
                "full": {"width": 544, "heads": 8},
            },
            reads=("embedding", "others_before", "others_traits", "others_culture", "self_before"),
            gives=(
                Output("community", "affect of the community", "values", labels="community", low=-1.0, high=1.0),
                Output("consensus", "how alike the persons show themselves to be", "features", low=0.0, high=1.0),
            ),
            build="redheart_phase2.training:build",
            grown="redheart_phase2.training:grown",
            objective="redheart_phase2.training:objective",
            targets=("community",),
            layers=("reader", "pool", "person", "culture", "society.*", "residual"),
        )
    ]
