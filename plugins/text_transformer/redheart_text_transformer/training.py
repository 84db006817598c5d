"""From settings to the module and its objective."""

from __future__ import annotations

from redheart_core import BuildContext, Objective, SettingsError
from redheart_core.nn.answers import answer_objective, text_fields
from redheart_text_transformer.adapter import AdaptedBase
from redheart_text_transformer.model import TextTransformer
from redheart_text_transformer.opening import open_base, with_prefix
from redheart_text_transformer.settings import UNTRAINED, TextTransformerSettings


def build(context: BuildContext) -> TextTransformer:
    """The encoder, with an answer for each field."""
    settings: TextTransformerSettings = context.settings
    assert context.tokenizer is not None
    if settings.lora and settings.model == UNTRAINED:
        raise SettingsError("lora: an untrained encoder has nothing to keep; name a model, or set lora = 0")
    if settings.lora_layers is not None and not settings.lora:
        raise SettingsError("lora_layers: without adapters all is trained; set lora too, or leave it out")
    tokenizer = with_prefix(settings, context.tokenizer)
    base = open_base(settings, tokenizer, context.restored)
    return TextTransformer(
        base=AdaptedBase(base, settings.lora, settings.lora_targets, settings.lora_layers) if settings.lora else base,
        width=settings.width,
        fields=text_fields(context),
        tokenizer=tokenizer,
        window=settings.window,
        windows=settings.windows,
        dropout=settings.dropout,
    )


def objective(context: BuildContext) -> Objective:
    """The fields' own losses, weighted, and metrics."""
    fields, weights = list(text_fields(context)), context.settings.loss_weights
    unknown = sorted(weights.keys() - set(fields))
    if unknown:
        raise SettingsError(
            f"loss_weights names {', '.join(unknown)}, which it does not learn here (fields: {', '.join(fields)})"
        )
    return answer_objective(context, fields, weights)
