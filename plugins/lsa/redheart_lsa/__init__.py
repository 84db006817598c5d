"""Offers the encoder `lsa`: latent semantic analysis of words and parts of words."""

from __future__ import annotations

from redheart_core import EncoderSpec, hookimpl
from redheart_lsa.settings import LsaSettings


@hookimpl
def redheart_provide_encoders() -> list[EncoderSpec]:
    """Offer the encoder."""
    return [
        EncoderSpec(
            name="lsa",
            meaning="latent semantic analysis: TF-IDF of words, word pairs and parts of words, reduced to 768 numbers; "
            "fitted on the train split, needs no download",
            settings=LsaSettings,
            fit="redheart_lsa.fitting:fit",
            load="redheart_lsa.storing:load",
            sample={"width": 24},
        )
    ]
