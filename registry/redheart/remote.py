"""Runs and models to an object store and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from redheart.agents import is_agents_run
from redheart_core.contract.errors import CheckpointError
from redheart_core.storage.paths import find_path

if TYPE_CHECKING:
    from redheart_core.storage.parts import Moved
    from redheart_core.storage.remote import Remote

MODEL = "model"


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
        folder: A new one, or one that holds the same run, or one further back, or the same model.

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
    damaged = verify_model(folder, exported_files(folder)).damaged
    if damaged:
        raise CheckpointError(f"{folder} is not sent: {damaged[0]}")
    document = read_bytes(folder / "manifest.json")
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    hashes = {name: sha256(folder / name) for name in files if name != "manifest.json"}
    part, there = part_of(hashes, "manifest.json", document), read_index(remote, MODEL)
    if there is not None and there != part:
        raise CheckpointError(f"{remote.url} holds another model; choose another URL, or remove that one")
    return push_part(remote, MODEL, folder, part, document, (there,))


def _pull_model(folder: Path, remote: Remote) -> Moved:
    from redheart_core.storage.files import read_bytes
    from redheart_core.storage.parts import pull_part, read_document
    from redheart_export.manifest import EXPORT_FILE

    _require_no_other(folder, "manifest.json")
    found = read_document(remote, MODEL)
    file = folder / "manifest.json"
    if found is not None and file.exists() and read_bytes(file) != found[1]:
        raise CheckpointError(f"{folder} holds another model than {remote.url}; choose another folder")
    if (
        found is not None
        and (folder / EXPORT_FILE).exists()
        and EXPORT_FILE not in {one.path for one in found[0].files}
    ):
        raise CheckpointError(
            f"{folder} holds an export of the model, {remote.url} the model itself; choose another folder"
        )
    return pull_part(remote, MODEL, folder)[1]


def _require_no_other(folder: Path, document: str) -> None:
    """Refuse a folder with something else than a run or model, or what a pull that was interrupted has left of one.

    Raises:
        CheckpointError: It holds something else.
    """
    others = {"run.json", "manifest.json", "index.json"} - {document}
    for name in sorted(others):
        if (folder / name).exists():
            raise CheckpointError(f"{folder} holds something else already ({name}); choose another folder")
