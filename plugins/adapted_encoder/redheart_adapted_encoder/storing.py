"""Writes the adapters of an encoder to a folder and reads them back; the encoder itself is recorded by its hashes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import attrs
from torch import Tensor

from redheart_adapted_encoder.encoder import AdaptedEncoder
from redheart_adapted_encoder.opening import open_encoder
from redheart_adapted_encoder.settings import AdaptedEncoderSettings
from redheart_core import StoreError
from redheart_core.storage.files import load_tensors, save_tensors
from redheart_core.storage.sealed import SealedFile

_MANIFEST, _ADAPTERS = "encoder.json", "adapters.safetensors"


@attrs.frozen
class _Saved:
    """encoder.json."""

    model: str
    files: Mapping[str, str]
    """Of the encoder before it was adapted, with their SHA-256."""
    adapters: str
    """SHA-256 of the file with all adapters."""
    count: int
    """How many there are."""


_SAVED = SealedFile(_Saved, "encoder adapted_encoder", 1, "prepare the data again", StoreError)


def save(encoder: AdaptedEncoder, folder: Path) -> None:
    """Write the adapters, in half precision, and a manifest.

    Raises:
        FileError: The folder cannot be written.
    """
    tensors = {f"{number}.{name}": one[name] for number, one in enumerate(encoder.adapters) for name in one}
    digest = save_tensors(folder / _ADAPTERS, tensors)
    _SAVED.write(folder / _MANIFEST, _Saved(encoder.settings.model, encoder.files, digest, len(encoder.adapters)))


def load(folder: Path) -> AdaptedEncoder:
    """Read what save wrote, and open the encoder that was recorded.

    Raises:
        StoreError: A file is missing or damaged, or the installed encoder is missing or another one.
    """
    saved = _SAVED.read(folder / _MANIFEST)
    adapters: list[dict[str, Tensor]] = [{} for _ in range(saved.count)]
    for name, tensor in load_tensors(folder / _ADAPTERS, saved.adapters, StoreError).items():
        number, _, layer = name.partition(".")
        adapters[int(number)][layer] = tensor
    encoder = open_encoder(AdaptedEncoderSettings(model=saved.model), adapters, StoreError)
    different = sorted(name for name, digest in encoder.files.items() if saved.files.get(name) != digest)
    if different:
        raise StoreError(
            f"{folder / _MANIFEST}: the encoder {saved.model!r} has another {', '.join(different)} here than the one "
            "that the adapters were trained beside; install the version that was recorded, or prepare the data again"
        )
    return encoder
