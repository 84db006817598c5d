"""Every answer as a linear map of a text's terms and mean embedding: ridge and logistic regression."""

from __future__ import annotations

from redheart_core import NodeSpec, hookimpl
from redheart_core.nn.answers import text_answers
from redheart_linear.settings import LinearSettings


@hookimpl
def redheart_provide_analyzers() -> list[NodeSpec]:
    """Offer the nodes of this plugin."""
    meaning = "every answer as a linear map of a text's terms and mean embedding: ridge and logistic regression"
    return [
        _node("linear", meaning, baseline=True),
        _node("linear_apart", f"{meaning}; for fields that are to lie in a group of their own", baseline=False),
    ]


def _node(name: str, meaning: str, baseline: bool) -> NodeSpec:
    return NodeSpec(
        name=name,
        meaning=meaning,
        settings=LinearSettings,
        scales={"tiny": {}, "small": {}, "base": {}, "full": {}},
        reads=("terms", "embedding"),
        gives=(),
        build="redheart_linear.training:build",
        fit="redheart_linear.training:fit",
        objective="redheart_core.nn.answers:text_objective",
        baseline=baseline,
        learns_any=text_answers,
    )
