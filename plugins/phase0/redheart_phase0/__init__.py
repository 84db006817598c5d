"""Phase 0: another person's emotion projected onto the self, by a calibration and a learned rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from redheart_core import BuildContext, NodeSpec, Objective, Output, hookimpl
from redheart_phase0.settings import Phase0Settings

if TYPE_CHECKING:
    from torch import nn


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
            build=_build,
            objective=_objective,
            targets=("projection",),
            group="empathy",
            layers=("reader", "pool", "state", "feeling", "calibration", "residual"),
        )
    ]


def _build(context: BuildContext) -> nn.Module:
    from redheart_phase0.training import build

    return build(context)


def _objective(context: BuildContext) -> Objective:
    from redheart_phase0.training import objective

    return objective()
