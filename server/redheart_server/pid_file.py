"""Where a server writes its process id, so that `redheart models activate` finds it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from redheart.activating import lock_of
from redheart_core.contract.errors import SettingsError
from redheart_core.storage.files import write_bytes, writing


@contextmanager
def written(path: Path | None) -> Iterator[None]:
    """The file is there inside the block, and locked, so that one that is left by a killed server means nothing.

    Raises:
        SettingsError: Another server has it.
        FileError: It cannot be written.
    """
    if path is None:
        yield
        return
    try:
        with writing(path), filelock.FileLock(lock_of(path), timeout=0):
            write_bytes(path, f"{os.getpid()}\n".encode())
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
    except filelock.Timeout as error:
        raise SettingsError(f"--pid-file {path}: another server runs with this file; name another one") from error
