"""Every answer as a linear map of a text's terms and mean embedding: ridge and logistic regression."""

from __future__ import annotations

from redheart_core import NodeSpec, hookimpl
from redheart_core.nn.answers import text_answers
from redheart_linear.settings import LinearSettings


@hookimpl
def redheart_provide_analyzers() -> list[NodeSpec]:
    """Offer the node of this plugin."""
    return [
        NodeSpec(
            name="linear",
            meaning="every answer as a linear map of a text's terms and mean embedding: ridge and logistic regression",
            settings=LinearSettings,
            scales={"tiny": {}, "small": {}, "base": {}, "full": {}},
            reads=("terms", "embedding"),
            gives=(),
            build="redheart_linear.model:build",  # without what a fit needs
            fit="redheart_linear.training:fit",
            objective="redheart_core.nn.answers:text_objective",
            baseline=True,
            learns_any=text_answers,
        )
    ]
