"""Runs and models to an object store and back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from redheart.agents import is_agents_run
from redheart_core.contract.errors import CheckpointError
from redheart_core.storage.paths import find_path

if TYPE_CHECKING:
    from redheart_core.storage.parts import Moved, PartIndex
    from redheart_core.storage.remote import Remote

MODEL = "model"
MANIFEST = "manifest.json"


def push(folder: str | Path, url: str) -> Moved:
    """Send a run or a model to a folder of an object store: what is there already stays as it is.

    Of a run go run.json, the store, every group and the logs: what a training needs to go on, and everything else is
    computed from. Models go alone.

    Args:
        folder: Of a run or a model.
        url: Such as s3://bucket/village. Keys are those that the library of the protocol finds by itself.

    Returns:
        What was sent.

    Raises:
        CheckpointError: A file of the folder is missing or damaged, or another run or model is there.
        RemoteError: The object store does not answer.
    """
    from redheart_core.storage.remote import Remote

    path, remote = find_path(Path(folder)), Remote.open(url)
    if (path / "run.json").exists():
        from redheart_core.runs.mirror import RunMirror, push_run
        from redheart_core.runs.run import RunFolder

        if is_agents_run(path):
            raise CheckpointError(f"{path} is a run of agents, which push does not send; copy the folder as it is")
        return push_run(RunMirror(remote, RunFolder(path)))
    return _push_model(path, remote)


def pull(url: str, folder: str | Path) -> Moved:
    """Fetch a run or a model from an object store; every file is verified, and one that is damaged is replaced.

    Args:
        url: As for push.
        folder: A new one, or one that holds the same run, or one further back, or the same model, as which neither a
            model counts of which an export comes nor another export of it.

    Returns:
        What was fetched.

    Raises:
        CheckpointError: The folder holds something else, or a group that has gone another way.
        RemoteError: The object store does not answer, or what it holds is damaged or is neither run nor model.
    """
    from redheart_core.runs.mirror import RUN
    from redheart_core.storage.parts import read_index
    from redheart_core.storage.remote import Remote, RemoteError

    path, remote = find_path(Path(folder)), Remote.open(url)
    if read_index(remote, RUN) is not None:
        from redheart_core.runs.mirror import RunMirror, pull_run
        from redheart_core.runs.run import RunFolder

        _require_no_other(path, "run.json")
        return pull_run(RunMirror(remote, RunFolder(path)))
    if read_index(remote, MODEL) is None:
        raise RemoteError(f"{remote.url} holds no run and no model; redheart push FOLDER {remote.url} sends one")
    return _pull_model(path, remote)


def _push_model(folder: Path, remote: Remote) -> Moved:
    from redheart_core.models.verifying import verify_model
    from redheart_core.storage.files import read_bytes, sha256
    from redheart_core.storage.parts import part_of, push_part, read_index
    from redheart_core.storage.presence import require_model_folder
    from redheart_export.opening import exported_files

    require_model_folder(folder)
    damaged = verify_model(folder, exported_files).damaged
    if damaged:
        raise CheckpointError(f"{folder} is not sent: {damaged[0]}")
    document = read_bytes(folder / MANIFEST)
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    hashes = {name: sha256(folder / name) for name in files if name != MANIFEST}
    part, there = part_of(hashes, MANIFEST, document), read_index(remote, MODEL)
    if there is not None and there != part:
        what = _other_model(remote.url, _documents_of(there), str(folder), _documents_of(part))
        what = what or f"{remote.url} holds the same model as {folder}, beside other files"
        raise CheckpointError(f"{what}; choose another URL, or remove what is at that one")
    return push_part(remote, MODEL, folder, part, document, (there,))


def _pull_model(folder: Path, remote: Remote) -> Moved:
    from redheart_core.storage.parts import pull_part, read_index

    _require_no_other(folder, MANIFEST)
    index, here = read_index(remote, MODEL), _documents_in(folder)
    what = None if index is None or not here else _other_model(str(folder), here, remote.url, _documents_of(index))
    if what is not None:
        raise CheckpointError(f"{what}; choose another folder, or remove this one")
    return pull_part(remote, MODEL, folder)[1]


def _documents_in(folder: Path) -> dict[str, str]:
    """SHA-256 of what says which model a folder holds; of export.json alone where a pull was interrupted."""
    from redheart_core.storage.files import sha256

    return {name: sha256(folder / name) for name in _documents() if (folder / name).exists()}


def _documents_of(index: PartIndex) -> dict[str, str]:
    """The same of a model in an object store."""
    return {one.path: one.sha256 for one in index.files if one.path in _documents()}


def _documents() -> tuple[str, ...]:
    from redheart_export.manifest import EXPORT_FILE

    return MANIFEST, EXPORT_FILE


def _other_model(place: str, here: Mapping[str, str], other: str, there: Mapping[str, str]) -> str | None:
    """How the models in two places differ, in words; None if they are the same.

    An export has the manifest.json of the model that it was made of, and differs from it by its export.json.
    """
    manifest, export = _documents()
    if manifest in here and here[manifest] != there.get(manifest):
        return f"{place} holds another model than {other}"
    if here.get(export) == there.get(export):
        return None
    if export not in there:
        return f"{place} holds an export of the model, {other} the model itself"
    if export not in here:
        return f"{place} holds the model itself, {other} an export of it"
    return f"{place} holds another export of the model than {other}"


def _require_no_other(folder: Path, document: str) -> None:
    """Refuse a folder with something else than a run or model, or what a pull that was interrupted has left of one.

    Raises:
        CheckpointError: It holds something else.
    """
    others = {"run.json", MANIFEST, "index.json"} - {document}
    for name in sorted(others):
        if (folder / name).exists():
            raise CheckpointError(f"{folder} holds something else already ({name}); choose another folder")
