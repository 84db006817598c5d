"""Phase 1: empathy that corrects what the self expects of others by prediction error and regret."""

from __future__ import annotations

from redheart_core import NodeSpec, Output, hookimpl
from redheart_phase1.settings import Phase1Settings


@hookimpl
def redheart_provide_analyzers() -> list[NodeSpec]:
    """Offer the node of this plugin."""
    return [
        NodeSpec(
            name="phase1",
            meaning="what each other person feels after the event: expected, then corrected by error and regret",
            settings=Phase1Settings,
            scales={
                "tiny": {"width": 16},
                "small": {},
                "base": {"width": 112},
                "full": {"width": 164},
            },
            reads=("embedding", "phase0.projection", "others_before", "others_traits"),
            gives=(
                Output(
                    "others_after", "affect of each other", "values", (5,), labels="others_after", low=-1.0, high=1.0
                ),
                Output("regret", "how much there is to regret", "values", low=0.0, high=1.0),
                Output(
                    "expectation",
                    "affect that the self expects of each other from its own",
                    "values",
                    (5,),
                    labels="others_after",
                    low=-1.0,
                    high=1.0,
                ),
                Output("strength", "how far each expectation is corrected", "features", (5,), low=0.0, high=1.0),
            ),
            build="redheart_phase1.training:build",
            grown="redheart_phase1.training:grown",
            objective="redheart_phase1.training:objective",
            targets=("others_after", "regret"),
            group="empathy",
            layers=("reader", "person", "perception"),
        )
    ]
