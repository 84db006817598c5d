"""Offers the encoder `adapted_encoder`: a pretrained text encoder with adapters that were trained before."""

from __future__ import annotations

from redheart_adapted_encoder.settings import AdaptedEncoderSettings
from redheart_core import EncoderSpec, hookimpl


@hookimpl
def redheart_provide_encoders() -> list[EncoderSpec]:
    """Offer the encoder."""
    return [
        EncoderSpec(
            name="adapted_encoder",
            meaning="a pretrained text encoder with low-rank adapters that groups of text_transformer have learnt: the "
            "mean state of a text by each of them; used as it is, nothing is fitted",
            settings=AdaptedEncoderSettings,
            fit="redheart_adapted_encoder.opening:fit",
            load="redheart_adapted_encoder.storing:load",
        )
    ]
