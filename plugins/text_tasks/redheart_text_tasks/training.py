"""From settings to modules."""

from __future__ import annotations

from redheart_core import BuildContext
from redheart_core.nn.answers import size_of
from redheart_text_tasks.model import AttentiveState, PooledState, RecurrentState, TermMap, TextTask
from redheart_text_tasks.settings import AttentiveSettings, PooledSettings, RecurrentSettings


def build_pooled(context: BuildContext, field: str) -> TextTask:
    """A network on the mean chunk, and a linear map of the terms."""
    settings: PooledSettings = context.settings
    answered, width_in = context.fields[field], context.input_width("embedding")
    return TextTask(
        answered,
        width_in,
        PooledState(width_in, settings.width, settings.layers, settings.dropout),
        settings.width,
        settings.width,
        settings.dropout,
        settings.input_dropout,
        settings.skip_dropout,
        term_map=TermMap(context.input_width("terms"), size_of(answered), settings.term_dropout),
    )


def build_attentive(context: BuildContext, field: str) -> TextTask:
    """Attention over the chunks, beside a bottleneck of the terms."""
    settings: AttentiveSettings = context.settings
    width_in, bottleneck = context.input_width("embedding"), None
    if settings.terms:
        bottleneck = TermMap(context.input_width("terms"), settings.bottleneck, settings.term_dropout)
    return TextTask(
        context.fields[field],
        width_in,
        AttentiveState(width_in, settings.width, settings.heads, settings.layers, settings.dropout),
        settings.width,
        settings.width,
        settings.dropout,
        settings.input_dropout,
        settings.skip_dropout,
        bottleneck=bottleneck,
    )


def build_recurrent(context: BuildContext, field: str) -> TextTask:
    """An LSTM over the chunks."""
    settings: RecurrentSettings = context.settings
    width_in = context.input_width("embedding")
    return TextTask(
        context.fields[field],
        width_in,
        RecurrentState(width_in, settings.width, settings.layers),
        4 * settings.width,
        settings.width,
        settings.dropout,
        settings.input_dropout,
        settings.skip_dropout,
    )
