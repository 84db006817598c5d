"""Regret from the backbone: score, three ordered views and an ensemble."""

from __future__ import annotations

from redheart_core import NodeSpec, Output, hookimpl
from redheart_regret_head.settings import RegretHeadSettings


@hookimpl
def redheart_provide_heads() -> list[NodeSpec]:
    """Offer the node of this plugin."""
    return [
        NodeSpec(
            name="regret_head",
            meaning="regret from the backbone: score, three ordered views and an ensemble",
            settings=RegretHeadSettings,
            scales={
                "tiny": {"width": 12, "heads": 2, "members": 3},
                "small": {},
                "base": {"width": 504, "heads": 8},
                "full": {"width": 768, "heads": 8},
            },
            reads=("embedding", "backbone.regret", "backbone.sequence"),
            gives=(
                Output("regret", "how much there is to regret", "values", low=0.0, high=1.0),
                Output(
                    "views", "optimistic, realistic, pessimistic: quantiles .1 .5 .9", "values", (3,), low=0.0, high=1.0
                ),
                Output("members", "regret as each ensemble member sees it", "values", ("members",), low=0.0, high=1.0),
                Output("uncertainty", "standard deviation of the members", "values", low=0.0, high=0.5),
            ),
            build="redheart_regret_head.training:build",
            grown="redheart_regret_head.training:grown",
            objective="redheart_regret_head.training:objective",
            targets=("regret",),
            group="backbone",
            layers=("base", "views", "members", "unfolding", "attention", "output", "skips"),
        )
    ]
