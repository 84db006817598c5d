"""Encoders at work: fitted ones are recognised, and a text becomes the vectors that the store would hold."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import numpy as np
import torch
from torch import Tensor

from redheart_core.contract.data import Encoder, EncoderSpec
from redheart_core.contract.errors import DataError, PluginError, StoreError
from redheart_core.data.identity import EncoderIdentity
from redheart_core.data.text import check_text, chunk_text
from redheart_core.discovery.fence import fence
from redheart_core.storage.files import sha256, to_json

if TYPE_CHECKING:
    from numpy.typing import NDArray


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


def identify(name: str, encoder: Encoder, folder: Path, chunk_chars: int) -> EncoderIdentity:
    """The identity of an encoder that was saved to a folder."""
    return EncoderIdentity(name, encoder.revision, hash_contents(folder), encoder.width, chunk_chars)


def load_encoder(spec: EncoderSpec, folder: Path, identity: EncoderIdentity) -> Encoder:
    """Load the encoder of a store or model, and make sure that it is the recorded one.

    Args:
        spec: The installed encoder of that name.
        folder: What Encoder.save wrote.
        identity: As recorded with the store or model.

    Raises:
        StoreError: The files are missing or damaged, or it is another encoder.
    """
    found = attrs.evolve(identity, name=spec.name, content_hash=hash_contents(folder))
    identity.require(found, folder)
    with fence(f"plugin '{spec.name}'", streams=False):
        encoder = spec.load(folder)
    identity.require(attrs.evolve(identity, revision=encoder.revision, width=encoder.width), folder)
    return encoder


def encode_chunks(encoder: Encoder, chunks: Sequence[str]) -> NDArray[np.float32]:
    """N chunks to (N, D) float32.

    Raises:
        PluginError: The encoder gives another shape or type, or numbers that are not finite.
    """
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


def encode_text(encoder: Encoder, text: str, chunk_chars: int, where: str = "text") -> Tensor:
    """One text as the store would hold it, up to the rounding of another batch: (1, T, D) float32.

    Raises:
        DataError: The text is refused, or the encoder knows no part of it.
    """
    vectors = encode_chunks(encoder, chunk_text(check_text(text, where), chunk_chars))
    if not vectors.any():
        raise DataError(
            f"{where}: the encoder '{encoder.revision}' knows no part of it, so there is nothing to analyse; "
            "was it fitted on texts in this language?"
        )
    return torch.from_numpy(np.ascontiguousarray(vectors)).unsqueeze(0)
