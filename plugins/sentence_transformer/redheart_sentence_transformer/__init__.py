"""Offers the encoder `sentence_transformer`: any model of the sentence-transformers library."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from redheart_core import Encoder, EncoderSpec, hookimpl
from redheart_sentence_transformer.settings import SentenceTransformerSettings


@hookimpl
def redheart_provide_encoders() -> list[EncoderSpec]:
    """Offer the encoder."""
    return [
        EncoderSpec(
            name="sentence_transformer",
            meaning="any text model from a local folder or the Hugging Face hub, through the sentence-transformers "
            "library; used as it is, nothing is fitted",
            settings=SentenceTransformerSettings,
            fit=_fit,
            load=_load,
        )
    ]


def _fit(settings: SentenceTransformerSettings, chunks: Sequence[str]) -> Encoder:
    from redheart_sentence_transformer.opening import open_model

    return open_model(settings)


def _load(folder: Path) -> Encoder:
    from redheart_sentence_transformer.storing import load

    return load(folder)
