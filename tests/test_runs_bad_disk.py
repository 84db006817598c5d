"""A group's folder when the disk fails."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from redheart_core.runs.checkpoint import GroupFolder
from redheart_core.runs.manifest import GroupManifest
from redheart_core.storage.files import FileError


def test_a_retired_file_that_cannot_be_removed_is_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    folder, name = GroupFolder(tmp_path, "a"), "epoch-0001.safetensors"
    folder.path.mkdir(parents=True)
    (folder.path / name).write_bytes(b"old")
    monkeypatch.setattr(os, "unlink", fail)
    with pytest.raises(FileError, match=rf"cannot write .*{name}: Input/output error"):
        folder.clean_up(GroupManifest("a", "running", retired=(name,)))
