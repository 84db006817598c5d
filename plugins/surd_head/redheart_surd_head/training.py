"""What SURD head learns: the choice factors and causal parts that have labels."""

from __future__ import annotations

import attrs

from redheart_core import BuildContext, LossTerm, Metric, Objective, PluginError
from redheart_core.nn.growing_axes import multiple_with_heads
from redheart_core.nn.losses import divergence, squared_error
from redheart_core.nn.metrics import jensen_shannon, value_metrics
from redheart_surd_head.model import SurdHead
from redheart_surd_head.settings import SurdHeadSettings


def build(context: BuildContext) -> SurdHead:
    """The module at the settings' widths, for the data set's factors and parts.

    Raises:
        PluginError: The data set has neither.
    """
    settings: SurdHeadSettings = context.settings
    sizes = {name: len(context.labels(name)) for name in learnt(context)}
    return SurdHead(
        width_in=context.input_width("backbone.surd"),
        width_embedding=context.input_width("embedding"),
        width=settings.width,
        heads=settings.heads,
        residual_layers=settings.residual_layers,
        factors=sizes.get("choice_factors", 0),
        parts=sizes.get("causal_parts", 0),
        dropout=settings.dropout,
        skip_dropout=settings.skip_dropout,
    )


def grown(smaller: SurdHeadSettings, larger: SurdHeadSettings) -> SurdHeadSettings:
    """A width that repeats that of the smaller one."""
    width, heads = multiple_with_heads((smaller.width, smaller.heads), (larger.width, larger.heads))
    return attrs.evolve(larger, width=width, heads=heads)


def objective(context: BuildContext) -> Objective:
    """Squared error on the labelled factors, divergence from the parts that the exact SURD gives."""
    settings: SurdHeadSettings = context.settings
    losses: list[LossTerm] = []
    metrics: list[Metric] = []
    if "choice_factors" in learnt(context):
        losses.append(LossTerm("choice_factors", "choice_factors", "values", squared_error))
        metrics.extend(value_metrics("choice_factors", "choice_factors"))
    if "causal_parts" in learnt(context):
        losses.append(LossTerm("causal_parts_logits", "causal_parts", "logits", divergence, settings.parts_weight))
        metrics.append(Metric("causal_parts_jensen_shannon", "causal_parts", "causal_parts", jensen_shannon, "min"))
    return Objective(tuple(losses), tuple(metrics))


def learnt(context: BuildContext) -> tuple[str, ...]:
    """The fields that the data set offers of the two."""
    fields = tuple(name for name in ("choice_factors", "causal_parts") if name in context.wanted)
    if not fields:
        raise PluginError(
            "it learns 'choice_factors' and 'causal_parts', and the data set has neither; leave it out with --disable"
        )
    return fields
