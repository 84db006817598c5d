"""Locks on folders between processes; they end with the process that holds them, however it dies.

filelock does the locking (flock on POSIX, LockFileEx on Windows); Linux is what is tested.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import filelock

from redheart_core.storage.files import FileError, remove_file, writing
from redheart_core.storage.guard import cleaning_up

LOCK = ".lock"
"""Held as long as a command works in a folder, such as a sweep in its run."""
UPDATE_LOCK = ".update.lock"
"""Held while a file is read, changed and written."""
UPDATE_WAIT_S = 60.0


@contextmanager
def locked(folder: Path, wait_s: float = 0.0) -> Iterator[None]:
    """Keep other processes from working in a folder.

    Raises:
        FileError: Another process still holds the lock after the wait, or the file system has no locks.
    """
    with _held(folder, LOCK, wait_s):
        yield


@contextmanager
def locked_groups(run: Path, groups: Iterable[str], wait_s: float = 0.0) -> Iterator[None]:
    """Keep other processes from training some groups of a run, all of them or none; other groups stay free.

    Raises:
        FileError: As locked; names the group.
    """
    with ExitStack() as held:
        for group in sorted(groups):
            held.enter_context(_held(run, f".group-{group}.lock", wait_s, f" on group '{group}'"))
        yield


@contextmanager
def claimed(folder: Path, piece: str, *, wait: bool = False) -> Iterator[bool]:
    """Keep other processes from a piece of work; False inside where another one holds it and nobody waits.

    Raises:
        FileError: The file system has no locks.
    """
    file = folder / f".{piece}.lock"
    lock = filelock.FileLock(file, timeout=-1 if wait else 0.0)
    if not _acquired(lock, file):
        yield False
        return
    with cleaning_up(lambda: _let_go(lock, file)):
        yield True


@contextmanager
def updating(folder: Path) -> Iterator[None]:
    """Keep other processes from changing the same small files; what is done inside takes a moment.

    Raises:
        FileError: As locked.
    """
    with _held(folder, UPDATE_LOCK, UPDATE_WAIT_S):
        yield


@contextmanager
def appending(path: Path) -> Iterator[None]:
    """Keep other processes from writing to a file that grows.

    Raises:
        FileError: As locked.
    """
    with _held(path.parent, f".{path.name}.lock", 0.0):
        yield


@contextmanager
def _held(folder: Path, name: str, wait_s: float, part: str = "") -> Iterator[None]:
    lock = filelock.FileLock(folder / name, timeout=wait_s)
    if not _acquired(lock, folder / name):
        raise FileError(f"another process is at work in {folder}{part}; wait for it, or choose another folder")
    with cleaning_up(lambda: _let_go(lock, folder / name)):
        yield


def _acquired(lock: filelock.BaseFileLock, file: Path) -> bool:
    """Whether the lock is held now; False if another process held it all the time.

    Raises:
        FileError: The file system has no locks.
    """
    with writing(file):
        try:
            lock.acquire()
        except filelock.Timeout:
            return False
        except NotImplementedError as error:
            raise FileError(
                f"{file.parent} is on a file system without locks; choose a folder on another one"
            ) from error
    return True


def _let_go(lock: filelock.BaseFileLock, file: Path) -> None:
    try:
        if sys.platform != "win32":  # which refuses to remove an open file
            remove_file(file)  # one who waits for it notices that, and makes a new one
    finally:
        lock.release()
