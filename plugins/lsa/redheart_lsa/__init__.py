"""Offers the encoder `lsa`: latent semantic analysis of words and parts of words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from redheart_core import Encoder, EncoderSpec, hookimpl
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
            fit=_fit,
            load=_load,
        )
    ]


def _fit(settings: LsaSettings, chunks: Sequence[str]) -> Encoder:
    from redheart_lsa.fitting import fit

    return fit(settings, chunks)


def _load(folder: Path) -> Encoder:
    from redheart_lsa.storing import load

    return load(folder)
