"""From settings to modules."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from redheart_core import BuildContext, Field, Objective
from redheart_core.nn.answers import answer_objective, size_of
from redheart_core.nn.growing_axes import multiple_with_heads
from redheart_text_tasks.model import AttentiveState, PooledState, RecurrentState, TermMap, TextTask
from redheart_text_tasks.settings import AttentiveSettings, PooledSettings, RecurrentSettings

MAIN_METRICS: Mapping[str, str] = {"vad": "pearson_r"}
"""Where it is another than that of redheart_core.nn.answers: ratings of EmoBank are published as correlations."""


def build_pooled(context: BuildContext) -> TextTask:
    """A network on the mean chunk, and a linear map of the terms."""
    return pooled(context, _field(context))


def pooled(context: BuildContext, field: Field) -> TextTask:
    """The same for any field."""
    settings: PooledSettings = context.settings
    width_in = context.input_width("embedding")
    return TextTask(
        field=field,
        width_in=width_in,
        state=PooledState(width_in, settings.width, settings.layers, settings.dropout),
        state_width=settings.width,
        hidden=settings.width,
        dropout=settings.dropout,
        input_dropout=settings.input_dropout,
        skip_dropout=settings.skip_dropout,
        term_map=TermMap(context.input_width("terms"), size_of(field), settings.term_dropout),
    )


def build_attentive(context: BuildContext) -> TextTask:
    """Attention over the chunks, beside a bottleneck of the terms."""
    settings: AttentiveSettings = context.settings
    width_in, bottleneck = context.input_width("embedding"), None
    if settings.terms:
        bottleneck = TermMap(context.input_width("terms"), settings.bottleneck, settings.term_dropout)
    return TextTask(
        field=_field(context),
        width_in=width_in,
        state=AttentiveState(
            width_in=width_in,
            width=settings.width,
            heads=settings.heads,
            layers=settings.layers,
            position_width=settings.position_width,
            dropout=settings.dropout,
        ),
        state_width=settings.width,
        hidden=settings.width,
        dropout=settings.dropout,
        input_dropout=settings.input_dropout,
        skip_dropout=settings.skip_dropout,
        bottleneck=bottleneck,
    )


def build_recurrent(context: BuildContext) -> TextTask:
    """An LSTM over the chunks."""
    settings: RecurrentSettings = context.settings
    width_in = context.input_width("embedding")
    return TextTask(
        field=_field(context),
        width_in=width_in,
        state=RecurrentState(width_in, settings.width, settings.layers),
        state_width=4 * settings.width,
        hidden=settings.width,
        dropout=settings.dropout,
        input_dropout=settings.input_dropout,
        skip_dropout=settings.skip_dropout,
    )


def grown_pooled(smaller: PooledSettings, larger: PooledSettings) -> PooledSettings:
    """Any larger width; as many hidden layers, as none can begin by changing nothing."""
    return attrs.evolve(larger, layers=smaller.layers)


def grown_attentive(smaller: AttentiveSettings, larger: AttentiveSettings) -> AttentiveSettings:
    """A width that repeats that of the smaller one, and its positions."""
    width, heads = multiple_with_heads((smaller.width, smaller.heads), (larger.width, larger.heads))
    return attrs.evolve(larger, width=width, heads=heads, position_width=smaller.position_width or smaller.width)


def grown_recurrent(smaller: RecurrentSettings, larger: RecurrentSettings) -> RecurrentSettings:
    """Any larger width; as many LSTM layers."""
    return attrs.evolve(larger, layers=smaller.layers)


def objective(context: BuildContext) -> Objective:
    """The field's own losses and metrics."""
    field = _field(context).name
    found = answer_objective(context, (field,))
    main = MAIN_METRICS.get(field)
    return attrs.evolve(found, metrics=tuple(sorted(found.metrics, key=lambda metric: metric.name != main)))


def _field(context: BuildContext) -> Field:
    """The one field that the node learns."""
    (field,) = context.fields.values()
    return field
