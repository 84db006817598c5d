"""Which model a server answers with: a link to a folder, which is exchanged in one step."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import filelock

from redheart.finding import find_model
from redheart.shipped import Verified, verify
from redheart_core.contract.errors import SettingsError
from redheart_core.storage.files import writing
from redheart_core.storage.temporary import temporary_path


def activate(model: str | Path, link: Path, pid_file: Path | None = None) -> Verified:
    """Have a link point to a model, and a server load it.

    The model is loaded and answers a text before anything changes. A server that was started with the link loads the
    model on SIGHUP and loses no request: those under way are answered by the model from before.

    Args:
        model: A folder, or the name of an installed model.
        link: Made if there is none.
        pid_file: Of a server that runs (redheart serve --pid-file); None sends no signal.

    Raises:
        RedheartError: The model cannot be used, the link is something else, or no server runs; nothing has changed.
    """
    if link.exists() and not link.is_symlink():
        raise SettingsError(f"{link} is no link; name a new one, such as live, and start redheart serve with it")
    pid = None if pid_file is None else running_server(pid_file)
    found = verify(model)
    folder = find_model(model)[0].resolve()
    temporary = temporary_path(link)
    with writing(link):
        os.symlink(folder, temporary, target_is_directory=True)
        os.replace(temporary, link)
    if pid is not None:
        os.kill(pid, signal.SIGHUP)
    return found


def running_server(pid_file: Path) -> int:
    """The process of a server, which holds a lock on its file as long as it runs.

    Raises:
        SettingsError: None runs, or this system has no SIGHUP.
    """
    if sys.platform == "win32":
        raise SettingsError("this system has no SIGHUP; start the server anew")
    try:
        with filelock.FileLock(lock_of(pid_file), timeout=0):
            running = False
    except filelock.Timeout:
        running = True
    if not running or not pid_file.exists():
        raise SettingsError(f"{pid_file}: no server runs with this file; start one with --pid-file {pid_file}")
    return int(pid_file.read_text(encoding="utf-8"))


def lock_of(pid_file: Path) -> Path:
    """What the server locks."""
    return pid_file.with_name(f".{pid_file.name}.lock")
