"""Opens an encoder and its adapters."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from importlib.util import find_spec

import torch
from torch import Tensor

from redheart_adapted_encoder.adapters import adapted, read_adapters
from redheart_adapted_encoder.encoder import AdaptedEncoder
from redheart_adapted_encoder.settings import AdaptedEncoderSettings
from redheart_core import RedheartError, SettingsError
from redheart_core.data.tokenizer import open_tokenizer
from redheart_core.storage.files import sha256
from redheart_core.storage.packaged import is_packaged, packaged_path
from redheart_core.storage.paths import find_path
from redheart_core.storage.pretrained import pretrained_folder, quiet

FILES = ("config.json", "model.safetensors", "tokenizer.json")
"""Of an encoder; what its vectors depend on."""


def fit(settings: AdaptedEncoderSettings, _: Sequence[str]) -> AdaptedEncoder:
    """Open the encoder and the adapters that the settings name, which are used as they are.

    Raises:
        SettingsError: No adapters are named, or one or the encoder cannot be had, or they do not belong together.
    """
    if not settings.adapters:
        raise SettingsError(
            "encoder 'adapted_encoder' needs adapters: name the weights of groups that text_transformer has trained "
            'with lora > 0: adapters = ["MODEL/groups/text_transformer.safetensors"] under [plugins.adapted_encoder]'
        )
    paths = [
        packaged_path(place, SettingsError) if is_packaged(place) else find_path(place) for place in settings.adapters
    ]
    return open_encoder(settings, [read_adapters(path, SettingsError) for path in paths], SettingsError)


def open_encoder(
    settings: AdaptedEncoderSettings, adapters: Sequence[Mapping[str, Tensor]], error: type[RedheartError]
) -> AdaptedEncoder:
    """Put an encoder and adapters together.

    Raises:
        RedheartError: Of the class error: the encoder or the library is not there, or the adapters are of another one.
    """
    if find_spec("transformers") is None:
        raise error("adapted_encoder needs the transformers library: pip install 'redheart[transformers]'")
    import transformers

    folder = pretrained_folder(settings.model, error)
    files = {name: sha256(folder / name, error) for name in FILES}
    try:
        with quiet():
            base = transformers.AutoModel.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, use_safetensors=True, dtype=torch.float32
            ).eval()
    except (OSError, ValueError) as reason:
        raise error(f"model = {settings.model!r} cannot be loaded: {reason}") from reason
    networks = tuple(
        adapted(base, one, f"adapter {number}", error).eval() for number, one in enumerate(adapters, start=1)
    )
    name = settings.model if is_packaged(settings.model) else folder.name
    return AdaptedEncoder(
        settings,
        f"{name} weights {files['model.safetensors'][:16]} adapters {_digest(adapters)[:16]}",
        files,
        tuple(adapters),
        open_tokenizer(settings.model),
        networks,
        base.config.max_position_embeddings,
        base.config.hidden_size,
    )


def _digest(adapters: Sequence[Mapping[str, Tensor]]) -> str:
    total = hashlib.sha256()
    for number, one in enumerate(adapters):
        for name, tensor in sorted(one.items()):
            total.update(f"{number} {name} {tuple(tensor.shape)}\n".encode())
            total.update(tensor.contiguous().numpy().tobytes())
    return total.hexdigest()
