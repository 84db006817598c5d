"""Several answers on one field into one, with weights that are learnt on records that none of them has learnt from."""

from __future__ import annotations

from redheart_core import NodeSpec, hookimpl
from redheart_core.nn.answers import text_answers
from redheart_stacking_fusion.settings import StackingFusionSettings


@hookimpl
def redheart_provide_fusions() -> list[NodeSpec]:
    """Offer the node of this plugin."""
    return [
        NodeSpec(
            name="stacking_fusion",
            meaning="stacks all answers on a field, by cross-fitting never worse on validation than the best one",
            settings=StackingFusionSettings,
            scales={"tiny": {}, "small": {}, "base": {}, "full": {}},
            reads=(),
            gives=(),
            build="redheart_stacking_fusion.training:build",
            fit="redheart_stacking_fusion.training:fit",
            objective="redheart_core.nn.answers:text_objective",
            learns_any=text_answers,
            gathers_any=True,
            fits_validation=True,
            accepts_absent=True,
        )
    ]
