"""Locks when the disk fails."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from redheart_core.storage.files import FileError
from redheart_core.storage.locks import locked, updating


def test_a_lock_that_cannot_be_removed_is_a_clear_error_and_is_released(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    for hold in (locked, updating):
        reported = pytest.raises(FileError, match=r"cannot write .*lock: Input/output error")
        with monkeypatch.context() as patch, reported, hold(tmp_path):
            patch.setattr(os, "unlink", fail)
        with hold(tmp_path):
            pass
