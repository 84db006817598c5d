"""From settings to the module; the heads of the group train it."""

from __future__ import annotations

from redheart_backbone import TASKS
from redheart_backbone.model import Backbone
from redheart_backbone.settings import BackboneSettings
from redheart_core import BuildContext


def build(context: BuildContext) -> Backbone:
    """The module at the settings' widths, with a branch for each active head."""
    settings: BackboneSettings = context.settings
    return Backbone(
        width_in=context.input_width("embedding"),
        width=settings.width,
        layers=settings.layers,
        heads=settings.heads,
        feedforward=settings.feedforward,
        branch=settings.branch,
        dropout=settings.dropout,
        input_dropout=settings.input_dropout,
        tasks=[task for task in TASKS if task in context.wanted],
        gives_sequence="sequence" in context.wanted,
    )
