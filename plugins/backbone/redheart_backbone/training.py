"""From settings to the module; the heads of the group train it."""

from __future__ import annotations

import attrs

from redheart_backbone import TASKS
from redheart_backbone.model import Backbone
from redheart_backbone.settings import BackboneSettings
from redheart_core import BuildContext
from redheart_core.nn.growing_axes import multiple_with_heads


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
        position_width=settings.position_width,
        dropout=settings.dropout,
        input_dropout=settings.input_dropout,
        tasks=[task for task in TASKS if task in context.wanted],
        gives_sequence="sequence" in context.wanted,
    )


def grown(smaller: BackboneSettings, larger: BackboneSettings) -> BackboneSettings:
    """A width that repeats that of the smaller one, and its positions."""
    width, heads = multiple_with_heads((smaller.width, smaller.heads), (larger.width, larger.heads))
    return attrs.evolve(larger, width=width, heads=heads, position_width=smaller.position_width or smaller.width)
