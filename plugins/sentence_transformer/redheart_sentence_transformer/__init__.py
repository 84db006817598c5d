"""Offers the encoder `sentence_transformer`: any model of the sentence-transformers library."""

from __future__ import annotations

from redheart_core import EncoderSpec, hookimpl
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
            fit="redheart_sentence_transformer.opening:fit",
            load="redheart_sentence_transformer.storing:load",
        )
    ]
