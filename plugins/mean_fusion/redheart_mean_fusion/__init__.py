"""Several answers on one field into one: the mean with weights inverse to the error variance."""

from __future__ import annotations

from redheart_core import NodeSpec, hookimpl
from redheart_core.nn.answers import text_answers
from redheart_mean_fusion.settings import MeanFusionSettings


@hookimpl
def redheart_provide_fusions() -> list[NodeSpec]:
    """Offer the node of this plugin."""
    return [
        NodeSpec(
            name="mean_fusion",
            meaning="the mean of all answers on a field, each label weighted inversely to the error variance",
            settings=MeanFusionSettings,
            scales={"tiny": {}, "small": {}, "base": {}, "full": {}},
            reads=(),
            gives=(),
            build="redheart_mean_fusion.training:build",
            fit="redheart_mean_fusion.training:fit",
            objective="redheart_core.nn.answers:text_objective",
            learns_any=text_answers,
            gathers_any=True,
            fits_validation=True,
            accepts_absent=True,
        )
    ]
