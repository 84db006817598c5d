"""Writes a fitted encoder to a folder and reads it back."""

from __future__ import annotations

from pathlib import Path

import attrs
from safetensors.numpy import load_file
from safetensors.numpy import save as pack

from redheart_core import StoreError
from redheart_core.data.terms import Terms
from redheart_core.storage.files import check_sha256, read_json, sha256, write_bytes, write_json
from redheart_core.storage.paths import file_inside
from redheart_core.storage.settings import read_table
from redheart_lsa.encoder import LsaEncoder
from redheart_lsa.settings import LsaSettings

_MANIFEST, _TERMS, _VECTORS = "encoder.json", "terms.json", "vectors.safetensors"
_HEAD = {"encoder": "lsa", "format": 1}


def save(encoder: LsaEncoder, folder: Path) -> None:
    """Write terms, vectors and a manifest with their SHA-256 into an existing empty folder; no pickle.

    Raises:
        FileError: The folder cannot be written.
    """
    terms = [{"kind": terms.kind, "weight": terms.weight, "names": terms.names} for terms in encoder.terms]
    tensors = {"components": encoder.components, **{f"idf.{terms.kind}": terms.idf for terms in encoder.terms}}
    write_json(folder / _TERMS, {"settings": attrs.asdict(encoder.settings), "terms": terms})
    write_bytes(folder / _VECTORS, pack(tensors))
    hashes = {name: sha256(folder / name) for name in (_TERMS, _VECTORS)}
    write_json(folder / _MANIFEST, {**_HEAD, "sha256": hashes})


def load(folder: Path) -> LsaEncoder:
    """Read what save wrote.

    Raises:
        StoreError: A file is missing, damaged or of another format.
    """
    manifest = read_json(folder / _MANIFEST, StoreError)
    if not isinstance(manifest, dict) or {key: manifest.get(key) for key in _HEAD} != _HEAD:
        raise StoreError(f"{folder / _MANIFEST} does not describe an lsa encoder of format 1; fit the encoder again")
    hashes = manifest.get("sha256")
    if not isinstance(hashes, dict) or set(hashes) != {_TERMS, _VECTORS}:
        raise StoreError(
            f"{folder / _MANIFEST} has to give the SHA-256 of {_TERMS} and {_VECTORS}; fit the encoder again"
        )
    for name, expected in hashes.items():
        check_sha256(file_inside(folder, name, StoreError), expected, StoreError)
    about = read_json(folder / _TERMS, StoreError)
    tensors = load_file(folder / _VECTORS)
    settings = read_table(LsaSettings, about["settings"], f"{folder / _TERMS} 'settings'")
    terms = tuple(
        Terms(entry["kind"], tuple(entry["names"]), tensors[f"idf.{entry['kind']}"], entry["weight"])
        for entry in about["terms"]
    )
    return LsaEncoder(settings, terms, tensors["components"])
