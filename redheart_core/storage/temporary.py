"""Names of unfinished files and folders: unique per process, and recognised when that process has died."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import secrets
import shutil
import stat
from contextlib import suppress
from pathlib import Path

from redheart_core.storage.guard import writing

_NAME = re.compile(r"\.(?P<name>.+)\.(?P<process>[0-9]+)-(?P<host>[0-9a-f]{8})-[0-9a-f]{8}\.tmp")


def temporary_path(path: Path) -> Path:
    """A new name beside a path, for what will be renamed to it: no other process, here or elsewhere, takes it."""
    return path.with_name(f".{path.name}.{os.getpid()}-{_host()}-{secrets.token_hex(4)}.tmp")


def is_temporary(name: str) -> bool:
    """Whether a name is one that temporary_path gave."""
    return _NAME.fullmatch(name) is not None


def remove_stale(folder: Path, name: str | None = None) -> None:
    """Remove what processes of this machine that died have left unfinished in a folder.

    Links, and whatever has another form of name, are left alone.

    Args:
        folder: Where, if it is there; its own subfolders are not looked into.
        name: Only what was to become a file or folder of this name.

    Raises:
        FileError: No permission, a failing disk or the like.
    """
    for path in sorted(folder.iterdir()) if folder.exists() else ():
        found = _NAME.fullmatch(path.name)
        if found is None or found["host"] != _host() or (name is not None and found["name"] != name):
            continue
        if process_is_alive(int(found["process"])):
            continue
        with writing(path), suppress(FileNotFoundError):  # another process removes it at the same time
            mode = path.lstat().st_mode
            if stat.S_ISDIR(mode):
                shutil.rmtree(path)
            elif stat.S_ISREG(mode):
                path.unlink()


def process_is_alive(process: int) -> bool:
    """Whether this machine has a process of that number; one that ended may have passed its number on."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True  # somebody else's
    return True


def _host() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]
