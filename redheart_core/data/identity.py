"""What makes the vectors of two encoders comparable."""

from __future__ import annotations

from pathlib import Path

import attrs

from redheart_core.contract.errors import StoreError


@attrs.frozen
class EncoderIdentity:
    """What makes two embeddings comparable; travels with store, run and model."""

    name: str
    """Of the EncoderSpec."""
    revision: str
    content_hash: str
    """SHA-256 over the names and contents of the files that Encoder.save wrote."""
    width: int
    chunk_chars: int
    """Longest chunk that texts are cut into."""

    def require(self, other: EncoderIdentity, where: Path) -> None:
        """Refuse another identity than this one.

        Args:
            other: What came.
            where: The store or model that this identity belongs to.

        Raises:
            StoreError: Names every difference.
        """
        if self != other:
            mine, theirs = attrs.asdict(self), attrs.asdict(other)
            differences = "; ".join(
                f"{key} is {mine[key]!r} there, {theirs[key]!r} here" for key in mine if mine[key] != theirs[key]
            )
            raise StoreError(
                f"{where} was made with another encoder: {differences}; use that encoder, or prepare the data anew"
            )
