"""The encoder around the networks.

Shapes: N chunks, W tokens of a chunk with its frame, H the width of a state, M adapters, D = M H.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from redheart_adapted_encoder.settings import AdaptedEncoderSettings
from redheart_core import DataError
from redheart_core.data.tokenizer import TextTokenizer

BATCH_TOKENS = 2048
"""Go through a network at a time, and bound the memory."""


@attrs.frozen(eq=False)
class AdaptedEncoder:
    """Several networks that share a tokenizer; a chunk's vector holds the mean state by each, of length 1."""

    settings: AdaptedEncoderSettings
    revision: str
    files: Mapping[str, str]
    """Of the encoder before it was adapted, with their SHA-256."""
    adapters: tuple[Mapping[str, Tensor], ...]
    """M of them, as read_adapters gives them."""
    tokenizer: TextTokenizer
    networks: tuple[nn.Module, ...]
    """M of them, each with an adapter."""
    longest: int
    """Tokens that they read, with the frame."""
    state_width: int
    """H."""

    @property
    def width(self) -> int:
        return self.state_width * len(self.networks)

    def encode(self, chunks: Sequence[str]) -> NDArray[np.float32]:
        """N chunks to (N, D) float32; 0 where the tokenizer knows no part.

        Chunks of equal length go through the networks together, so that nothing is padded.

        Raises:
            DataError: A chunk is too long.
        """
        vectors = np.zeros((len(chunks), self.width), np.float32)
        for places, ids in self._batches(chunks):
            with torch.no_grad():
                mask = torch.ones_like(ids)
                states = [one(input_ids=ids, attention_mask=mask).last_hidden_state for one in self.networks]
                parts = [F.normalize(state.float().mean(1), dim=-1) for state in states]
            vectors[places] = torch.cat(parts, -1).numpy()
        return vectors

    def save(self, folder: Path) -> None:
        from redheart_adapted_encoder.storing import save

        save(self, folder)

    def _batches(self, chunks: Sequence[str]) -> Iterator[tuple[list[int], Tensor]]:
        """Places of chunks of which something is known, and their tokens with frames, (., W)."""
        identity, marks = self.tokenizer.identity, self.tokenizer.marks
        framed = [[*identity.before, *one.tolist(), *identity.after] for one in self.tokenizer.encode(chunks)]
        known = [place for place, ids in enumerate(framed) if not marks.issuperset(ids)]
        for length, together in groupby(sorted(known, key=lambda place: len(framed[place])), lambda p: len(framed[p])):
            places = list(together)
            if length > self.longest:
                raise DataError(
                    f"a chunk has {length} tokens with its frame, {self.revision} reads {self.longest}: "
                    f"{chunks[places[0]]!r:.80}; cut the texts into shorter chunks ([data] chunk_chars)"
                )
            size = max(1, BATCH_TOKENS // length)
            for start in range(0, len(places), size):
                batch = places[start : start + size]
                yield batch, torch.tensor([framed[place] for place in batch])
