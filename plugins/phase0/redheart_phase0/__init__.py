"""Phase 0: another person's emotion projected onto the self, by a calibration and a learned rest."""

from __future__ import annotations

from redheart_core import NodeSpec, Output, hookimpl
from redheart_phase0.settings import Phase0Settings


@hookimpl
def redheart_provide_analyzers() -> list[NodeSpec]:
    """Offer the node of this plugin."""
    return [
        NodeSpec(
            name="phase0",
            meaning="what the self would feel in the place of the first other: calibration and a learned rest",
            settings=Phase0Settings,
            scales={
                "tiny": {"width": 16},
                "small": {},
                "base": {"width": 320},
                "full": {"width": 472},
            },
            reads=("embedding", "others_before", "others_traits", "others_culture", "self_before"),
            gives=(
                Output(
                    "projection", "affect in the first other's place", "values", labels="projection", low=-1.0, high=1.0
                ),
                Output("calibration", "valence bias, arousal modifier, factor on the rest", "features", (3,)),
            ),
            build="redheart_phase0.training:build",
            grown="redheart_phase0.training:grown",
            objective="redheart_phase0.training:objective",
            targets=("projection",),
            group="empathy",
            layers=("reader", "pool", "state", "feeling", "calibration", "residual"),
        )
    ]
