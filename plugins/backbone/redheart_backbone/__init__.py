"""Shared encoder of the text with a branch for each task."""

from __future__ import annotations

from redheart_backbone.settings import BackboneSettings
from redheart_core import NodeSpec, Output, hookimpl

TASKS = ("emotion", "bentham", "regret", "surd")


@hookimpl
def redheart_provide_analyzers() -> list[NodeSpec]:
    """Offer the node of this plugin."""
    return [
        NodeSpec(
            name="backbone",
            meaning="shared encoder of the text with a branch for each task",
            settings=BackboneSettings,
            scales={
                "tiny": {"width": 8, "layers": 1, "heads": 2},
                "small": {},
                "base": {"width": 576, "layers": 8, "heads": 12, "feedforward": 1, "branch": 7},
                "full": {"width": 896, "layers": 8, "heads": 14, "feedforward": 1, "branch": 6},
            },
            reads=("embedding",),
            gives=(
                *(Output(task, f"the text as the {task} task sees it", "features", ("width",)) for task in TASKS),
                Output("sequence", "the chunks of the text in context", "features", ("T", "width")),
            ),
            build="redheart_backbone.training:build",
            grown="redheart_backbone.training:grown",
            group="backbone",
            layers=("project", "encoder.*", "norm", "branches"),
        )
    ]
