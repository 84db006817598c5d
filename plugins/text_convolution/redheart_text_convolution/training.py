"""From settings to the module and its objective."""

from __future__ import annotations

from redheart_core import BuildContext
from redheart_core.nn.answers import text_fields
from redheart_text_convolution.model import TextConvolution
from redheart_text_convolution.settings import TextConvolutionSettings


def build(context: BuildContext) -> TextConvolution:
    """The network, with an answer for each field."""
    settings: TextConvolutionSettings = context.settings
    assert context.tokenizer is not None
    return TextConvolution(
        size=context.tokenizer.size,
        width=settings.width,
        filters=settings.filters,
        longest=settings.longest,
        tokens=settings.tokens,
        fields=text_fields(context),
        token_dropout=settings.token_dropout,
        dropout=settings.dropout,
    )


def grown(_: TextConvolutionSettings, larger: TextConvolutionSettings) -> TextConvolutionSettings:
    """Any wider ones; what is no width is the same at every scale."""
    return larger
