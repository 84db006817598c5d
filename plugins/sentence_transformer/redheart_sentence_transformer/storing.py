"""Writes an encoder with its model to a folder and reads it back."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import attrs

from redheart_core import StoreError
from redheart_core.storage.files import check_sha256, read_json, sha256, write_json, writing
from redheart_core.storage.paths import file_inside
from redheart_core.storage.settings import read_table
from redheart_sentence_transformer.confinement import check_files
from redheart_sentence_transformer.encoder import SentenceTransformerEncoder
from redheart_sentence_transformer.opening import hash_weights, load_model, quiet, wrap_model
from redheart_sentence_transformer.settings import SentenceTransformerSettings

_MANIFEST, _ABOUT, _MODEL = "encoder.json", "about.json", "model"
_HEAD = {"encoder": "sentence_transformer", "format": 1}


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
    settings = attrs.asdict(encoder.settings, filter=lambda _, value: value is not None)
    # the name and not the path: a folder of this machine means nothing elsewhere
    settings["model"] = encoder.revision.split(" ")[0]
    write_json(
        folder / _ABOUT, {"revision": encoder.revision, "weights": hash_weights(encoder.model), "settings": settings}
    )
    write_json(folder / _MANIFEST, {**_HEAD, "sha256": {name: sha256(folder / name) for name in _names(folder)}})


def load(folder: Path) -> SentenceTransformerEncoder:
    """Read what save wrote, from the folder alone.

    Raises:
        StoreError: A file is missing, damaged or superfluous, or the device is not on this machine.
    """
    manifest = read_json(folder / _MANIFEST, StoreError)
    if not isinstance(manifest, dict) or {key: manifest.get(key) for key in _HEAD} != _HEAD:
        raise StoreError(f"{folder / _MANIFEST} does not describe a sentence_transformer encoder of format 1")
    hashes = manifest.get("sha256")
    if not isinstance(hashes, dict) or _ABOUT not in hashes:
        raise StoreError(f"{folder / _MANIFEST} has to give the SHA-256 of every file; fit the encoder again")
    for name, expected in sorted(hashes.items()):
        check_sha256(file_inside(folder, name, StoreError), expected, StoreError)
    more = sorted(set(_names(folder)) - set(hashes))
    if more:
        raise StoreError(f"{folder} holds files that its manifest does not name: {', '.join(more)}; remove them")
    about = read_json(folder / _ABOUT, StoreError)
    settings = read_table(SentenceTransformerSettings, about["settings"], f"{folder / _ABOUT} 'settings'")
    check_files(folder, StoreError)
    model = load_model(str(folder / _MODEL), None, settings.device, StoreError, is_saved=True)
    if hash_weights(model) != about["weights"]:
        raise StoreError(
            f"{folder}: the model that the installed libraries make of the files has other weights than the saved one; "
            "install the versions in config_sentence_transformers.json"
        )
    return wrap_model(model, settings, about["revision"], folder)


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
