"""Faults of a disk and of the power at a chosen write operation of this process.

The calls that Python code writes with are counted: opening for writing, writing, fsync, rename, link, remove, making a
folder. Libraries that write by themselves (SQLite) are not seen. The order in which names of a folder reach the disk is
that of the calls.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
import signal
from collections.abc import Callable
from typing import Any

import attrs

KINDS = (
    *("kill", "no space", "input/output error", "short write", "power failure", "power failure, torn"),
    *("disk stays full", "read-only from then on", "out of memory"),
)
"""What happens at the chosen operation."""

_ERRORS = {"no space": errno.ENOSPC, "input/output error": errno.EIO}
_LASTING = {"disk stays full": errno.ENOSPC, "read-only from then on": errno.EROFS}


@attrs.define
class FaultyDisk:
    """Counts the write operations of the process; the one of number `at` meets the fault, 0 meets none."""

    kind: str
    at: int
    operations: list[str] = attrs.field(factory=list)
    """The names of those so far."""
    full: bool = False
    """Half of a write has been made; what needs more finds none."""
    unsynced: dict[tuple[int, int], tuple[int, int]] = attrs.field(factory=dict)
    """Device and inode of a file to a descriptor of it, and to its size at its last fsync."""
    fsync: Callable[..., None] = os.fsync

    def install(self) -> None:
        """From now on; there is no way back, so this is for a process of its own."""
        for name in ("replace", "rename", "link", "symlink", "unlink", "remove", "mkdir", "rmdir", "truncate"):
            setattr(os, name, self._counted(name, getattr(os, name)))
        os.fsync = self._synced  # type: ignore[assignment] # Python code passes numbers alone
        io.open = builtins.open = self._opened(io.open)

    def before(self, operation: str) -> bool:
        """Count an operation; whether a write is to be cut short.

        Raises:
            OSError: This is the one that fails.
        """
        self.operations.append(operation)
        if self.full and operation not in ("remove", "rename", "fsync"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if self.kind in _LASTING and 0 < self.at <= len(self.operations):
            if self.kind == "disk stays full" and operation in ("remove", "rename", "fsync"):
                return False
            raise OSError(_LASTING[self.kind], os.strerror(_LASTING[self.kind]))
        if len(self.operations) != self.at:
            return False
        if self.kind == "out of memory":
            raise MemoryError
        if self.kind in _ERRORS:
            raise OSError(_ERRORS[self.kind], os.strerror(_ERRORS[self.kind]))
        if self.kind == "short write":
            self.full = True
            return True
        if self.kind.startswith("power failure"):
            self._lose_unsynced(torn=self.kind.endswith("torn"))
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("a killed process goes on")

    def note_write(self, descriptor: int) -> None:
        """Remember that a file has bytes that no fsync has brought to disk."""
        status = os.fstat(descriptor)
        key = status.st_dev, status.st_ino
        if key not in self.unsynced:
            self.unsynced[key] = os.dup(descriptor), status.st_size

    def _lose_unsynced(self, *, torn: bool) -> None:
        for descriptor, size in self.unsynced.values():
            now = os.fstat(descriptor).st_size
            os.ftruncate(descriptor, (size + now) // 2 if torn else size)

    def _synced(self, descriptor: int) -> None:
        self.before("fsync")
        self.fsync(descriptor)
        status = os.fstat(descriptor)
        copy, _ = self.unsynced.pop((status.st_dev, status.st_ino), (None, 0))
        if copy is not None:
            os.close(copy)

    def _counted(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **options: Any) -> Any:
            self.before({"replace": "rename", "unlink": "remove", "rmdir": "remove"}.get(name, name))
            return call(*arguments, **options)

        return counted

    def _opened(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def opened(file: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
            if isinstance(file, int) or not set(mode) & set("wxa+"):
                return call(file, mode, *arguments, **options)
            self.before("open")
            raw = _File(self, file, mode.replace("b", "").replace("t", ""))
            if options.get("buffering") == 0:
                return raw
            buffered = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
            if "b" in mode:
                return buffered
            text = {name: options[name] for name in ("encoding", "errors", "newline") if name in options}
            return io.TextIOWrapper(buffered, **{"encoding": "utf-8", **text})

        return opened


class _File(io.FileIO):
    """A file whose writes are counted."""

    def __init__(self, disk: FaultyDisk, file: Any, mode: str) -> None:
        super().__init__(file, mode)
        self.disk = disk

    def write(self, data: Any) -> int:
        self.disk.note_write(self.fileno())
        cut = self.disk.before("write")
        part = memoryview(data).cast("B")
        return super().write(part[: max(1, len(part) // 2)] if cut else part)
