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
        context.input_width("embedding"),
        settings.width,
        settings.layers,
        settings.heads,
        settings.feedforward,
        settings.branch,
        settings.dropout,
        settings.input_dropout,
        tasks=[task for task in TASKS if task in context.wanted],
        gives_sequence="sequence" in context.wanted,
    )
