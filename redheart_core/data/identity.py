"""What makes the vectors of two stores comparable: their encoders, the chunks and the type of the numbers."""

from __future__ import annotations

from pathlib import Path

import attrs

from redheart_core.config.tables import Vectors
from redheart_core.contract.errors import StoreError


@attrs.frozen
class EncoderPart:
    """One encoder; alone or beside others."""

    name: str
    """Of the EncoderSpec."""
    revision: str
    content_hash: str
    """SHA-256 over the names and contents of the files that Encoder.save wrote."""
    width: int


@attrs.frozen
class EncoderIdentity:
    """What makes two embeddings comparable; travels with store, run and model."""

    parts: tuple[EncoderPart, ...]
    """The encoders whose vectors stand side by side, in order."""
    chunk_chars: int
    """Longest chunk that texts are cut into."""
    vectors: Vectors
    """The type of the numbers that are stored."""

    @property
    def width(self) -> int:
        """Length D of a vector."""
        return sum(part.width for part in self.parts)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the encoders."""
        return tuple(part.name for part in self.parts)

    @property
    def label(self) -> str:
        """The names for people, as they can be written in [data]."""
        return "+".join(self.names)

    def require(self, other: EncoderIdentity, where: Path) -> None:
        """Refuse another identity than this one.

        Args:
            other: What came.
            where: The store or model that this identity belongs to.

        Raises:
            StoreError: Names every difference.
        """
        if self != other:
            raise StoreError(
                f"{where} was made with another encoder: {self.differences(other)}; use that encoder, or prepare the "
                "data anew"
            )

    def differences(self, other: EncoderIdentity) -> str:
        """What another identity has otherwise than this one, which is that of a place, in words."""
        mine, theirs = self._flat(), other._flat()
        return "; ".join(
            f"{key} is {mine.get(key)!r} there, {theirs.get(key)!r} here"
            for key in (*mine, *(key for key in theirs if key not in mine))
            if mine.get(key) != theirs.get(key)
        )

    def _flat(self) -> dict[str, object]:
        table: dict[str, object] = {"encoder": self.label}
        for part in self.parts:
            for key in ("revision", "content_hash", "width"):
                table[f"{key} of {part.name}"] = getattr(part, key)
        return table | {"chunk_chars": self.chunk_chars, "vectors": self.vectors}
