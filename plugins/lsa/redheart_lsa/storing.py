"""Writes a fitted encoder to a folder and reads it back."""

from __future__ import annotations

from pathlib import Path

import attrs
import safetensors.numpy

from redheart_core import StoreError
from redheart_core.data.term_pieces import Kind
from redheart_core.data.terms import Terms
from redheart_core.storage.files import check_sha256, sha256, write_bytes
from redheart_core.storage.paths import file_inside
from redheart_core.storage.sealed import SealedFile
from redheart_lsa.encoder import LsaEncoder
from redheart_lsa.settings import LsaSettings

_MANIFEST, _VECTORS = "encoder.json", "vectors.safetensors"


@attrs.frozen
class _KindOfTerms:
    """Terms without their inverse document frequencies, which stand with the vectors."""

    kind: Kind
    weight: float
    names: tuple[str, ...]


@attrs.frozen
class _Saved:
    """encoder.json: all but the numbers of the terms."""

    settings: LsaSettings
    terms: tuple[_KindOfTerms, ...]
    vectors_sha256: str


_SAVED = SealedFile(_Saved, "encoder lsa", 2, "fit the encoder again by preparing the data anew", StoreError)


def save(encoder: LsaEncoder, folder: Path) -> None:
    """Write the vectors, and the terms with the SHA-256 of the vectors, into an existing empty folder; no pickle.

    Raises:
        FileError: The folder cannot be written.
    """
    tensors = {"components": encoder.components, **{f"idf.{terms.kind}": terms.idf for terms in encoder.terms}}
    write_bytes(folder / _VECTORS, safetensors.numpy.save(tensors))
    terms = tuple(_KindOfTerms(one.kind, one.weight, one.names) for one in encoder.terms)
    _SAVED.write(folder / _MANIFEST, _Saved(encoder.settings, terms, sha256(folder / _VECTORS)))


def load(folder: Path) -> LsaEncoder:
    """Read what save wrote.

    Raises:
        StoreError: A file is missing, damaged or of another format.
    """
    saved = _SAVED.read(folder / _MANIFEST)
    check_sha256(file_inside(folder, _VECTORS, StoreError), saved.vectors_sha256, StoreError)
    tensors = safetensors.numpy.load_file(folder / _VECTORS)
    terms = tuple(Terms(one.kind, one.names, tensors[f"idf.{one.kind}"], one.weight) for one in saved.terms)
    return LsaEncoder(saved.settings, terms, tensors["components"])
