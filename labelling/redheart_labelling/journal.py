"""journal.jsonl: what was asked and answered, line by line, each with its SHA-256 and on disk before it counts.

A request stands in it before it is sent, and its outcome before the next step. So a process that is killed loses at
most the answers to requests that were on their way, these are known by name, and they count at the most that they can
have cost.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import attrs

from redheart_core.contract.errors import DataError
from redheart_core.storage.files import FileError, sync, write_bytes, writing
from redheart_core.storage.locks import LOCK
from redheart_core.storage.sealed import read_sealed_lines, sealed_line
from redheart_core.storage.structuring import structure, unstructure
from redheart_core.storage.temporary import is_temporary
from redheart_labelling.ledger import Asked, GivenUp, Header, Labelled, Ledger, Line, Lost, Unpaid, Wrong

JOURNAL_FILE = "journal.jsonl"
FORMAT = 1
_KINDS: Mapping[str, type[Line]] = {
    "asked": Asked,
    "labelled": Labelled,
    "wrong": Wrong,
    "unpaid": Unpaid,
    "lost": Lost,
    "given up": GivenUp,
}
_REMEDY = "restore it from a copy; without that line its answer would be paid for again"
T = TypeVar("T", bound=Line)


class Journal:
    """An open journal, and what follows from its lines; for several threads."""

    def __init__(self, path: Path, header: Header) -> None:
        """Open the journal of a folder, or begin one.

        Raises:
            DataError: It is damaged, or was made with another question.
            FileError: It cannot be written.
        """
        self._path, self._lock = path, threading.Lock()
        self.ledger = Ledger()
        if path.exists() and _drop_torn_line(path):
            first, *lines = read_sealed_lines(path, _REMEDY, DataError)
            _check_header(path, first, header)
            for number, table in enumerate(lines, 2):
                _take(self.ledger, table, f"{path} line {number}")
        else:
            _check_empty(path)
            write_bytes(path, sealed_line({"line": "header", "format": FORMAT, **unstructure(header)}))
        with writing(path):
            self._file = path.open("ab", buffering=0)
        self._fault: FileError | None = None

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock, writing(self._path):
            self._file.close()

    def add(self, line: T) -> T:
        """Append a line; it is on disk when this returns."""
        with self._lock:
            return self._append(line)

    def ask(self, line: Asked) -> Asked:
        """Append a request with the next number."""
        with self._lock:
            return self._append(attrs.evolve(line, request=self.ledger.requests + 1))

    def answer(self, line: Labelled) -> Labelled | Wrong:
        """Append a right answer; one that the endpoint has given before is no answer to this request."""
        with self._lock:
            if line.said.digest in self.ledger.replies:
                reason = f"the endpoint gave the reply {line.said.id} to another request before"
                return self._append(Wrong(line.request, reason, line.said))
            return self._append(line)

    def _append(self, line: T) -> T:
        kind = next(name for name, cls in _KINDS.items() if type(line) is cls)
        data = sealed_line({"line": kind, **unstructure(line)})
        if self._fault is not None:  # half a line may be there, which nothing may follow
            raise self._fault
        try:
            with writing(self._path):
                while data:
                    data = data[self._file.write(data) :]
                os.fsync(self._file.fileno())
        except FileError as fault:
            self._fault = fault
            raise
        self.ledger.add(line)
        return line


def _check_empty(path: Path) -> None:
    """Refuse to begin in a folder that holds something else, whose files would be replaced."""
    others = sorted(
        entry.name
        for entry in path.parent.iterdir()
        if entry.name not in (LOCK, path.name) and not is_temporary(entry.name)
    )
    if others:
        raise DataError(f"{path.parent} holds no labels but other files ({', '.join(others[:3])}); name a new folder")


def _drop_torn_line(path: Path) -> bool:
    """Cut half a line off that a kill has left at the end; whether a whole line remains."""
    data = path.read_bytes()
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        with writing(path):
            os.truncate(path, whole)
            sync(path)
    return whole > 0


def _take(ledger: Ledger, table: dict[str, object], where: str) -> None:
    kind = table.pop("line", None)
    if not isinstance(kind, str) or kind not in _KINDS:
        raise DataError(f"{where} is of no known kind: {kind!r:.60} (known: {', '.join(_KINDS)}); {_REMEDY}")
    cls: type[Line] = _KINDS[kind]
    line = structure(table, cls, where, DataError)
    try:
        ledger.add(line)
    except DataError as error:
        raise DataError(f"{where}: {error}; {_REMEDY}") from error


def _check_header(path: Path, table: dict[str, object], wanted: Header) -> None:
    """Refuse a journal of another question."""
    found = table.pop("line", None), table.pop("format", None)
    if found != ("header", FORMAT):
        raise DataError(
            f"{path} does not begin as format {FORMAT} does, which this version writes; name another folder"
        )
    there = structure(table, Header, f"{path} line 1", DataError)
    changed = [
        f"{name.replace('_', ' ')} {_shown(getattr(there, name))} there, {_shown(getattr(wanted, name))} now"
        for name in attrs.fields_dict(Header)
        if getattr(there, name) != getattr(wanted, name)
    ]
    if changed:
        raise DataError(f"{path.parent} was labelled with another question: {'; '.join(changed)}; name another folder")


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
