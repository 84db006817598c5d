"""Encoders at work: fitted ones are recognised, and a text becomes the vectors that the store would hold."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import torch
from torch import Tensor

from redheart_core.config.tables import Vectors
from redheart_core.contract.data import Encoder, EncoderSpec
from redheart_core.contract.errors import DataError, PluginError, StoreError
from redheart_core.data.identity import EncoderIdentity, EncoderPart
from redheart_core.data.text import check_text, chunk_text
from redheart_core.discovery.fence import fence
from redheart_core.storage.files import sha256, to_json

if TYPE_CHECKING:
    from numpy.typing import NDArray


@attrs.frozen(eq=False)
class TextEncoder:
    """The encoders of a store or model: their vectors side by side, as the store holds them.

    Several encoders weigh the same: each one's vector is scaled to length 1, and a zero vector stays zero. A single
    one's vectors stay as it gives them.
    """

    parts: tuple[Encoder, ...]
    chunk_chars: int
    vectors: Vectors

    @property
    def width(self) -> int:
        """D."""
        return sum(part.width for part in self.parts)

    @property
    def revision(self) -> str:
        """For messages."""
        return " and ".join(f"'{part.revision}'" for part in self.parts)

    def encode(self, chunks: Sequence[str]) -> NDArray[Any]:
        """N chunks to (N, D) of the type that is stored.

        Raises:
            PluginError: An encoder gives another shape or type, or numbers that are not finite or cannot be stored.
        """
        given = [_encode(part, chunks) for part in self.parts]
        joined = given[0] if len(given) == 1 else np.concatenate([_of_length_1(one) for one in given], axis=1)
        return joined if self.vectors == "float32" else self._halved(joined)

    def encode_texts(self, texts: Sequence[str]) -> list[NDArray[np.float32]]:
        """Texts that check_text accepts, as the store would hold them up to the rounding of another batch.

        Returns:
            (T, D) for each; nothing but zeros for one of which the encoders know no part.
        """
        chunks = [chunk_text(text, self.chunk_chars) for text in texts]
        if not chunks:
            return []
        vectors = np.ascontiguousarray(self.encode([chunk for own in chunks for chunk in own]), np.float32)
        return np.split(vectors, np.cumsum([len(own) for own in chunks])[:-1])

    def encode_text(self, text: str, where: str = "text") -> Tensor:
        """One text likewise: (1, T, D) float32.

        Raises:
            DataError: The text is refused, or the encoders know no part of it.
        """
        (vectors,) = self.encode_texts([check_text(text, where)])
        self.require_known(vectors, where)
        return torch.from_numpy(vectors).unsqueeze(0)

    def require_known(self, vectors: NDArray[np.float32], where: str) -> None:
        """Refuse a text of which the encoders know no part.

        Raises:
            DataError: It is one.
        """
        if not vectors.any():
            raise DataError(
                f"{where}: the encoder {self.revision} knows no part of it, so there is nothing to analyse; "
                "was it made for texts in this language?"
            )

    def mean_of_text(self, text: str, where: str = "text") -> Tensor:
        """The vector of a field that is a text, likewise: (1, D) float32.

        Raises:
            DataError: As encode_text.
        """
        return torch.from_numpy(mean_vector(self.encode_text(text, where)[0].numpy())).unsqueeze(0)

    def _halved(self, vectors: NDArray[np.float32]) -> NDArray[np.float16]:
        with np.errstate(over="ignore"):
            halved = vectors.astype(np.float16)
        lost = ~np.isfinite(halved).all(axis=1) | (vectors.any(axis=1) & ~halved.any(axis=1))
        if lost.any():
            largest = np.abs(vectors[np.argmax(lost)]).max()
            raise PluginError(
                f"the encoder {self.revision} gives a vector whose largest number is {largest:.3g}, which half "
                'precision cannot hold; set vectors = "float32" under [data]'
            )
        return halved


def mean_vector(vectors: NDArray[Any]) -> NDArray[np.float32]:
    """The mean over the chunks of a text, (T, D) to (D,) float32."""
    return np.asarray(vectors.mean(axis=0, dtype=np.float64), np.float32)


def hash_contents(folder: Path) -> str:
    """SHA-256 over names and contents of all files in a folder.

    Raises:
        StoreError: The folder is missing or holds no file.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if not files:
        raise StoreError(f"{folder} holds no encoder; prepare the data again")
    names = [[path.relative_to(folder).as_posix(), sha256(path, StoreError)] for path in files]
    return hashlib.sha256(to_json(names)).hexdigest()


def identify(names: Sequence[str], encoder: TextEncoder, folder: Path) -> EncoderIdentity:
    """The identity of encoders of these names that were saved to a folder, each to one of its name."""
    parts = tuple(
        EncoderPart(name, part.revision, hash_contents(folder / name), part.width)
        for name, part in zip(names, encoder.parts, strict=True)
    )
    return EncoderIdentity(parts, encoder.chunk_chars, encoder.vectors)


def open_encoder(specs: Sequence[EncoderSpec], folder: Path, chunk_chars: int, vectors: Vectors) -> TextEncoder:
    """Load encoders that were saved to a folder, each to one of its name."""
    parts = []
    for spec in specs:
        with fence(f"plugin '{spec.name}'", streams=False):
            parts.append(spec.load(folder / spec.name))
    return TextEncoder(tuple(parts), chunk_chars, vectors)


def load_encoder(specs: Sequence[EncoderSpec], folder: Path, identity: EncoderIdentity) -> TextEncoder:
    """Load the encoders of a store or model, and make sure that they are the recorded ones.

    Args:
        specs: The installed encoders of the identity's names, in its order.
        folder: Holds a folder for each encoder, with what Encoder.save wrote.
        identity: As recorded with the store or model.

    Raises:
        StoreError: The files are missing or damaged, or they are other encoders.
    """
    found = [
        attrs.evolve(part, name=spec.name, content_hash=hash_contents(folder / part.name))
        for part, spec in zip(identity.parts, specs, strict=True)
    ]
    identity.require(attrs.evolve(identity, parts=tuple(found)), folder)
    encoder = open_encoder(specs, folder, identity.chunk_chars, identity.vectors)
    opened = [
        attrs.evolve(part, revision=one.revision, width=one.width)
        for part, one in zip(found, encoder.parts, strict=True)
    ]
    identity.require(attrs.evolve(identity, parts=tuple(opened)), folder)
    return encoder


def _encode(encoder: Encoder, chunks: Sequence[str]) -> NDArray[np.float32]:
    """What one encoder gives, checked."""
    vectors = encoder.encode(chunks)
    expected = (len(chunks), encoder.width)
    if not isinstance(vectors, np.ndarray) or vectors.shape != expected or vectors.dtype != np.float32:
        found = f"{vectors.shape} {vectors.dtype}" if isinstance(vectors, np.ndarray) else type(vectors).__name__
        raise PluginError(f"encoder '{encoder.revision}' has to give {expected} float32, gave {found}")
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.all():
        chunk = chunks[int(np.argmin(finite))]
        raise PluginError(f"encoder '{encoder.revision}' gives numbers that are not finite for the chunk {chunk!r:.80}")
    return vectors


def _of_length_1(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each row divided by its length; zero rows stay zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled = np.zeros_like(vectors)
    np.divide(vectors, lengths, out=scaled, where=lengths > 0)
    return scaled
