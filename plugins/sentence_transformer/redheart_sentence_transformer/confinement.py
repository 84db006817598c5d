"""Checks of a model folder before the library opens it: it names no class that runs code of its own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from redheart_core import RedheartError
from redheart_core.storage.files import read_json
from redheart_core.storage.paths import file_inside

_CLASSES = (
    "CLIPModel|CNN|Dense|Dropout|LayerNorm|LSTM|Normalize|Pooling|Router|StaticEmbedding|Transformer|"
    "WeightedLayerPooling|WordWeights"
)
_MODULE = re.compile(
    rf"sentence_transformers\.(models|base\.modules|sentence_transformer\.modules)(\.\w+)?\.({_CLASSES})"
)
"""The library's classes by the names that it writes, and by those that it wrote before version 6."""
_ACTIVATION = re.compile(r"torch\.nn\.modules\.(activation|linear)\.\w+")
_CODE = frozenset({".py", ".pyc", ".so", ".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle"})
"""Endings of files that hold code, or pickles, which can."""


def check_classes(folder: Path, error: type[RedheartError]) -> None:
    """Refuse a model whose modules are not classes of the sentence-transformers library, or lie outside its folder.

    A folder without modules.json is a model of the transformers library, which names no module.

    Raises:
        RedheartError: Of the class error; it names the file and what is wrong in it.
    """
    if not (folder / "modules.json").is_file():
        return
    modules = read_json(folder / "modules.json", error)
    if not isinstance(modules, list):
        raise error(f"{folder / 'modules.json'} expects a list of modules, got {type(modules).__name__}")
    for module in modules:
        if not isinstance(module, dict):
            raise error(f"{folder / 'modules.json'} expects a table for every module, got {module!r:.80}")
        _check_module(folder, "", module.get("path"), module.get("type"), folder / "modules.json", error)


def check_files(folder: Path, error: type[RedheartError]) -> None:
    """Refuse files of a saved encoder that lie outside its folder, are no regular files or can hold code.

    Raises:
        RedheartError: Of the class error; it names the file and the reason.
    """
    for path in sorted(folder.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            continue
        file_inside(folder, path.relative_to(folder).as_posix(), error)
        if path.suffix.lower() in _CODE:
            raise error(
                f"{path} can hold code, which a saved encoder never does; its weights are safetensors. "
                "Do not use this folder"
            )
        if path.name == "adapter_config.json":
            raise error(f"{path} names a model outside the folder; merge the adapter into its model and save that")


def _check_module(folder: Path, parent: str, path: Any, kind: Any, file: Path, error: type[RedheartError]) -> None:
    """One module, and those that its configuration names."""
    found = _MODULE.fullmatch(kind) if isinstance(kind, str) else None
    if found is None:
        raise error(
            f"{file} names the module type {kind!r:.120}, which is no class of the sentence-transformers library "
            f"that this encoder takes ({_CLASSES.replace('|', ', ')}); do not use this folder"
        )
    if not isinstance(path, str):
        raise error(f"{file} expects the path of a module as text, got {path!r:.80}")
    name = f"{parent}/{path}".strip("/") if not path.startswith(("/", "\\")) else path
    _check_folder(folder, name, file, error)
    for config in ("router_config.json", "config.json"):
        if (folder / name / config).exists():
            _check_config(folder, name, found[3], folder / name / config, error)


def _check_folder(folder: Path, name: str, file: Path, error: type[RedheartError]) -> None:
    """A module's folder has to lie in the model's; the library makes do without one for a module without files."""
    parts = Path(name).parts
    if Path(name).is_absolute() or ".." in parts or "\\" in name or ":" in name or "\0" in name:
        raise error(f"{file} names the path '{name}', which is not inside {folder}; do not use this folder")
    real = (folder / name).resolve()
    if not real.is_relative_to(folder.resolve()):
        raise error(f"{file} names the path '{name}', which leads out of its folder, to {real}; do not use this folder")


def _check_config(folder: Path, name: str, kind: str, file: Path, error: type[RedheartError]) -> None:
    config = read_json(file, error)
    if not isinstance(config, dict):
        raise error(f"{file} expects a table, got {type(config).__name__}")
    if kind == "Router":
        types = config.get("types")
        if not isinstance(types, dict):
            raise error(f"{file} expects a table 'types' from path to class, got {types!r:.80}")
        for path, nested in types.items():
            _check_module(folder, name, path, nested, file, error)
    activation = config.get("activation_function")
    if kind == "Dense" and activation is not None and not _ACTIVATION.fullmatch(str(activation)):
        raise error(
            f"{file} names the activation {activation!r:.120}, which is none of torch.nn; do not use this folder"
        )
