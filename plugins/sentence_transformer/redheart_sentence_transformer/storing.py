"""Writes an encoder with its model to a folder and reads it back."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from redheart_core import StoreError
from redheart_core.storage.files import check_sha256, sha256, writing
from redheart_core.storage.paths import file_inside
from redheart_core.storage.pretrained import quiet
from redheart_core.storage.sealed import SealedFile
from redheart_sentence_transformer.confinement import check_files
from redheart_sentence_transformer.encoder import SentenceTransformerEncoder
from redheart_sentence_transformer.opening import hash_weights, load_model, wrap_model
from redheart_sentence_transformer.settings import SentenceTransformerSettings

_MANIFEST, _MODEL = "encoder.json", "model"


@attrs.frozen
class _Saved:
    """encoder.json."""

    settings: SentenceTransformerSettings
    revision: str
    weights: str
    """Hash of the weights in memory: other versions of the libraries can make others of the same files."""
    files: Mapping[str, str]
    """Every other file of the folder, with its SHA-256."""


_SAVED = SealedFile(
    _Saved, "encoder sentence_transformer", 2, "fit the encoder again by preparing the data anew", StoreError
)


def save(encoder: SentenceTransformerEncoder, folder: Path) -> None:
    """Write the model, its revision and settings, and a manifest with the SHA-256 of every file.

    Raises:
        FileError: The folder cannot be written.
        StoreError: The library writes the model in files that can hold code.
    """
    model = folder / _MODEL
    with writing(model):
        if encoder.source is None:
            _forget_last_call(encoder.model.tokenizer)
            with quiet():
                encoder.model.save(str(model), create_model_card=False)
        else:
            # the library notes in the files where it loaded from, so writing them again changes bytes
            shutil.copytree(encoder.source / _MODEL, model)
    check_files(folder, StoreError)
    # the name and not the path: a folder of this machine means nothing elsewhere
    settings = attrs.evolve(encoder.settings, model=encoder.revision.split(" ")[0])
    files = {name: sha256(folder / name) for name in _names(folder)}
    _SAVED.write(folder / _MANIFEST, _Saved(settings, encoder.revision, hash_weights(encoder.model), files))


def load(folder: Path) -> SentenceTransformerEncoder:
    """Read what save wrote, from the folder alone.

    Raises:
        StoreError: A file is missing, damaged or superfluous, or the device is not on this machine.
    """
    saved = _SAVED.read(folder / _MANIFEST)
    for name, expected in sorted(saved.files.items()):
        check_sha256(file_inside(folder, name, StoreError), expected, StoreError)
    more = sorted(set(_names(folder)) - set(saved.files))
    if more:
        raise StoreError(f"{folder} holds files that its manifest does not name: {', '.join(more)}; remove them")
    check_files(folder, StoreError)
    model = load_model(str(folder / _MODEL), None, saved.settings.device, StoreError, is_saved=True)
    if hash_weights(model) != saved.weights:
        raise StoreError(
            f"{folder}: the model that the installed libraries make of the files has other weights than the saved one; "
            "install the versions in config_sentence_transformers.json"
        )
    return wrap_model(model, saved.settings, saved.revision, folder)


def _forget_last_call(tokenizer: Any) -> None:
    """Drop padding and truncation of the last batch, which a fast tokenizer would write into its file."""
    from transformers import PreTrainedTokenizerFast

    if isinstance(tokenizer, PreTrainedTokenizerFast):
        tokenizer.backend_tokenizer.no_padding()
        tokenizer.backend_tokenizer.no_truncation()


def _names(folder: Path) -> list[str]:
    """Every file but the manifest, relative to the folder."""
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return [name for name in files if name != _MANIFEST]
