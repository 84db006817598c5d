"""An object store in memory whose puts fail, are cut off, arrive without an answer, or end the process."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

from fsspec.implementations.memory import MemoryFileSystem

from redheart_core.storage.remote import Remote

KINDS = ("refused", "cut off", "no answer", "killed")
"""What happens at the chosen operation: nothing is put; half a file is, and none of what is put whole; all is put, and
the answer is lost; half a file is put, and neither this nor any later operation comes back."""


class Killed(BaseException):
    """The process ends here."""


class ObjectStore(MemoryFileSystem):  # type: ignore[misc] # fsspec has no types
    """Counts what changes it; the operation of number `at` meets the fault, and so do `lasting` - 1 after it."""

    cachable = False

    def __init__(self) -> None:
        super().__init__()
        self.store: dict[str, Any] = {}
        self.pseudo_dirs = [""]
        self.operations: list[str] = []
        self.at, self.kind, self.lasting = 0, "refused", 1

    @property
    def remote(self) -> Remote:
        """The folder /run in it."""
        return Remote("test://bucket/run", self, "/run")

    @property
    def objects(self) -> dict[str, bytes]:
        """Everything in it."""
        return {name: file.getvalue() for name, file in sorted(self.store.items())}

    def fail(self, kind: str, after: int, lasting: int = 1) -> None:
        """From now on count anew; the fault comes at that operation, from 1; 0 for none."""
        self.operations, self.at, self.kind, self.lasting = [], after, kind, lasting

    def pipe_file(self, path: str, value: bytes, **options: Any) -> None:
        self._change(f"put {path}", lambda: super(ObjectStore, self).pipe_file(path, value), lambda: None)

    def put_file(self, lpath: str, rpath: str, **options: Any) -> None:
        with open(lpath, "rb") as file:
            data = file.read()
        put = super().pipe_file
        self._change(f"put {rpath}", lambda: put(rpath, data), lambda: put(rpath, data[: len(data) // 2]))

    def rm_file(self, path: str) -> None:
        self._change(f"remove {path}", lambda: super(ObjectStore, self).rm_file(path), lambda: None)

    def _change(self, name: str, whole: Callable[[], None], half: Callable[[], None]) -> None:
        self.operations.append(name)
        number = len(self.operations)
        if self.kind == "killed" and 0 < self.at < number:
            raise Killed
        if not 0 < self.at <= number < self.at + self.lasting:
            whole()
            return
        if self.kind == "no answer":
            whole()
        elif self.kind != "refused":
            half()
        if self.kind == "killed":
            raise Killed
        raise TimeoutError("the connection was reset")


class AtOnce(Executor):
    """Does work when it is given, in this thread."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(function(*arguments, **named))
        except Exception as error:
            done.set_exception(error)
        return done
