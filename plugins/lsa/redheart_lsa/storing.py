"""Writes a fitted encoder to a folder and reads it back."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import attrs
from safetensors.numpy import load as unpack
from safetensors.numpy import save as pack

from redheart_core import StoreError
from redheart_core.settings import read_table
from redheart_lsa.encoder import LsaEncoder
from redheart_lsa.settings import LsaSettings
from redheart_lsa.terms import Terms

FORMAT = 1
_MANIFEST = "encoder.json"
_FILES = ("terms.json", "vectors.safetensors")


def save(encoder: LsaEncoder, folder: Path) -> None:
    """Write terms, vectors and a manifest with their SHA-256 into an existing empty folder; no pickle."""
    about = {
        "settings": attrs.asdict(encoder.settings),
        "terms": [{"kind": terms.kind, "weight": terms.weight, "names": terms.names} for terms in encoder.terms],
    }
    tensors = {"components": encoder.components, **{f"idf.{terms.kind}": terms.idf for terms in encoder.terms}}
    contents = dict(zip(_FILES, (_to_json(about), pack(tensors)), strict=True))
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    (folder / _MANIFEST).write_bytes(_to_json({"encoder": "lsa", "format": FORMAT, "sha256": hashes}))


def load(folder: Path) -> LsaEncoder:
    """Read what save wrote.

    Raises:
        StoreError: A file is missing, damaged or of another format.
    """
    hashes = _read_hashes(folder / _MANIFEST)
    about_bytes, tensor_bytes = (_read_checked(folder / name, hashes[name]) for name in _FILES)
    about = json.loads(about_bytes)
    tensors = unpack(tensor_bytes)
    settings = read_table(LsaSettings, about["settings"], f"{folder / _FILES[0]} 'settings'")
    terms = tuple(
        Terms(entry["kind"], tuple(entry["names"]), tensors[f"idf.{entry['kind']}"], entry["weight"])
        for entry in about["terms"]
    )
    return LsaEncoder(settings, terms, tensors["components"])


def _to_json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1).encode()


def _read_hashes(file: Path) -> dict[str, str]:
    raw = _read(file)
    try:
        manifest = json.loads(raw)
    except ValueError as error:
        raise StoreError(f"{file} is damaged ({error}); fit the encoder again") from error
    expected = {"encoder": "lsa", "format": FORMAT}
    if not isinstance(manifest, dict) or {key: manifest.get(key) for key in expected} != expected:
        raise StoreError(f"{file} does not describe an lsa encoder of format {FORMAT}; fit the encoder again")
    hashes = manifest.get("sha256")
    if not isinstance(hashes, dict) or set(hashes) != set(_FILES):
        raise StoreError(f"{file} has to give the SHA-256 of {' and '.join(_FILES)}; fit the encoder again")
    return hashes


def _read_checked(file: Path, sha256: str) -> bytes:
    content = _read(file)
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise StoreError(f"{file} is damaged: SHA-256 {found}, expected {sha256}; fit the encoder again")
    return content


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError as error:
        raise StoreError(f"{file} is missing; fit the encoder again") from error
    except OSError as error:
        raise StoreError(f"{file} cannot be read ({error.strerror})") from error
