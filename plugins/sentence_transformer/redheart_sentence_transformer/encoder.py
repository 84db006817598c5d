"""The encoder around a loaded model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from redheart_core import DataError
from redheart_sentence_transformer.batching import fill_batches
from redheart_sentence_transformer.settings import SentenceTransformerSettings


@attrs.frozen(eq=False)
class SentenceTransformerEncoder:
    """A model of the sentence-transformers library with a tokenizer of the transformers library."""

    settings: SentenceTransformerSettings
    revision: str
    width: int
    model: Any
    source: Path | None
    """Folder that it was loaded from, if save wrote it; files are then copied as they are."""

    def encode(self, chunks: Sequence[str]) -> NDArray[np.float32]:
        """N chunks to (N, D) float32, as the model gives them; 0 where its tokenizer knows no part.

        Chunks of like length go through the model together, padded to the longest of them.

        Raises:
            DataError: A chunk is too long for the model, or a vector is not finite.
        """
        vectors = np.zeros((len(chunks), self.width), np.float32)
        for batch in fill_batches(self._lengths(chunks), self.settings.batch_tokens):
            texts = [self.settings.prompt + chunks[place] for place in batch]
            vectors[batch] = self.model.encode(
                texts, batch_size=len(texts), show_progress_bar=False, convert_to_numpy=True
            )
        broken = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
        if len(broken):
            raise DataError(
                f"{self.revision} gives numbers that are not finite for the chunk {chunks[broken[0]]!r:.80}"
            )
        return vectors

    def save(self, folder: Path) -> None:
        from redheart_sentence_transformer.storing import save

        save(self, folder)

    def _lengths(self, chunks: Sequence[str]) -> list[int]:
        """Tokens of each chunk with its prompt, 0 for a chunk of which nothing is known."""
        if not chunks:
            return []
        tokenizer = self.model.tokenizer
        special = frozenset(tokenizer.all_special_ids)
        plain = token_ids(tokenizer, chunks)
        known = [not special.issuperset(ids) for ids in plain]
        prompt = self.settings.prompt
        whole = token_ids(tokenizer, [prompt + chunk for chunk in chunks]) if prompt else plain
        lengths = [len(ids) for ids in whole]
        limit = self.model.max_seq_length
        if limit is not None:
            for chunk, length in zip(chunks, lengths, strict=True):
                if length > limit and not self.settings.truncate:
                    raise DataError(
                        f"a chunk has {length} tokens, {self.revision} reads {limit}: {chunk!r:.80}; cut the texts "
                        "into shorter chunks, or set truncate = true under [plugins.sentence_transformer]"
                    )
            lengths = [min(length, limit) for length in lengths]
        return [length if is_known else 0 for length, is_known in zip(lengths, known, strict=True)]


def token_ids(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """The ids of each text, special ones included, however long it is."""
    ids: list[list[int]] = tokenizer(list(texts), truncation=False, verbose=False)["input_ids"]
    return ids
