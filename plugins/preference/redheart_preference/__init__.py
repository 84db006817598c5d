"""Which of two acts people find less ethical, by one number for each act."""

from __future__ import annotations

from redheart_core import CATALOGUE, NodeSpec, hookimpl
from redheart_core.nn.answers import answer_outputs
from redheart_preference.settings import PreferenceSettings


@hookimpl
def redheart_provide_analyzers() -> list[NodeSpec]:
    """Offer the node of this plugin."""
    return [
        NodeSpec(
            name="preference",
            meaning="which of two acts people find less ethical, by one number for each act (Bradley and Terry 1952)",
            settings=PreferenceSettings,
            scales={"tiny": {"acts": 64}, "small": {}, "base": {"acts": 8192}, "full": {"acts": 16384}},
            reads=("first_act", "second_act"),
            gives=answer_outputs(CATALOGUE["less_ethical"]),
            build="redheart_preference.training:build",
            fit="redheart_preference.training:fit",
            objective="redheart_preference.training:objective",
            targets=("less_ethical",),
            optional_targets=("less_ethical_again",),
        )
    ]
