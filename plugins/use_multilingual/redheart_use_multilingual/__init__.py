"""Offers the encoder `use_multilingual`: Google's Universal Sentence Encoder for 16 languages."""

from __future__ import annotations

from redheart_core import EncoderSpec, hookimpl
from redheart_use_multilingual.settings import UseMultilingualSettings


@hookimpl
def redheart_provide_encoders() -> list[EncoderSpec]:
    """Offer the encoder."""
    return [
        EncoderSpec(
            name="use_multilingual",
            meaning="Universal Sentence Encoder multilingual v3 (Yang et al. 2020): 512 numbers for English, Korean "
            "and 14 more languages; used as it is, nothing is fitted; needs redheart[ready], no download",
            settings=UseMultilingualSettings,
            fit="redheart_use_multilingual.opening:fit",
            load="redheart_use_multilingual.opening:load",
        )
    ]
