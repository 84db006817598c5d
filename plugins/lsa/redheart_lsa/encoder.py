"""The fitted encoder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs
import numpy as np
from numpy.typing import NDArray

from redheart_core.contract.names import composed
from redheart_core.data.terms import Terms, count, weigh
from redheart_lsa.settings import LsaSettings

ROWS = 8192
"""Chunks that are worked on at a time; bounds the memory, changes no result."""


@attrs.frozen(eq=False)
class LsaEncoder:
    """TF-IDF of several kinds of terms times the right singular vectors, scaled to length 1."""

    settings: LsaSettings
    terms: tuple[Terms, ...]
    components: NDArray[np.float32]
    """(F, D), one row per term over all kinds."""

    @property
    def revision(self) -> str:
        counts = ", ".join(f"{len(terms.names)} {terms.kind} terms" for terms in self.terms)
        return f"lsa 1: {counts}, width {self.width}, seed {self.settings.seed}"

    @property
    def width(self) -> int:
        return int(self.components.shape[1])

    def encode(self, chunks: Sequence[str]) -> NDArray[np.float32]:
        """N chunks to (N, D) float32 of length 1, or 0 where no term is known."""
        vectors = np.zeros((len(chunks), self.width), np.float32)
        for start in range(0, len(chunks), ROWS):
            part = [composed(chunk) for chunk in chunks[start : start + ROWS]]
            weighed = weigh(count(part, self.terms), self.terms)
            # scipy adds up each row by itself, in the order of its columns
            product = weighed @ self.components
            lengths = np.sqrt(np.square(product).sum(axis=1, keepdims=True))
            np.divide(product, lengths, out=vectors[start : start + len(part)], where=lengths > 0)
        return vectors

    def save(self, folder: Path) -> None:
        from redheart_lsa.storing import save

        save(self, folder)
