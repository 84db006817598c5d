"""JSON files of typed values, each with a SHA-256 over itself, so that no changed bit goes unnoticed.

A file is canonical JSON (sorted keys, one way of writing everything) with three keys more than the value: "kind",
"format" and "seal", the SHA-256 of the canonical bytes without the seal. A reader takes the line of the seal away and
checks that the seal is that of the bytes that are left, so what it accepts is exactly what was written.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

import attrs

from redheart_core.contract.errors import CheckpointError, RedheartError
from redheart_core.storage.files import read_bytes, to_json, write_bytes
from redheart_core.storage.jsonlines import parse_json
from redheart_core.storage.structuring import describe_value, structure, unstructure

T = TypeVar("T")
SEAL = "seal"


@attrs.frozen
class SealedFile(Generic[T]):
    """A kind of JSON file, with its one reader and writer."""

    holds: type[T]
    """attrs class of what it holds."""
    kind: str
    """Written into the file, such as "run"."""
    format: int
    remedy: str
    """How to get a whole file again, after "damaged: ...; "."""
    error: type[RedheartError] = CheckpointError

    def write(self, path: Path, value: T) -> None:
        """Write atomically.

        Raises:
            FileError: As write_atomically.
            ValueError: A number is not finite.
        """
        write_bytes(path, self.to_bytes(value))

    def to_bytes(self, value: T) -> bytes:
        """What write puts into the file."""
        return to_json(_sealed({**unstructure(value), "kind": self.kind, "format": self.format}))

    def read(self, path: Path) -> T:
        """What write wrote.

        Raises:
            RedheartError: Of the class error: missing, damaged in any way, or of another kind or format.
        """
        return self.parse(read_bytes(path, self.error), str(path))

    def parse(self, data: bytes, where: str) -> T:
        """What to_bytes gave.

        Raises:
            RedheartError: As read.
        """
        table = parse_sealed(data, where, self.remedy, self.error)
        found = table.pop("kind", None), table.pop("format", None)
        if found != (self.kind, self.format):
            raise self.error(
                f"{where} is {describe_value(found[0])} of format {found[1]}, expected is '{self.kind}' of format "
                f"{self.format}, which this version writes; {self.remedy}"
            )
        return structure(table, self.holds, where, self.error)

    def read_if_there(self, path: Path) -> T | None:
        """The same; None if there is no such file."""
        return self.read(path) if path.exists() else None


def write_sealed(path: Path, table: Mapping[str, Any]) -> None:
    """Write a table with its seal, atomically; a seal that it has is replaced."""
    write_bytes(path, to_json(_sealed(table)))


def read_sealed(path: Path, remedy: str, error: type[RedheartError] = CheckpointError) -> dict[str, Any]:
    """The table that write_sealed wrote, without the seal.

    Raises:
        RedheartError: Of the class error: missing, no JSON, not canonical, or the seal is not its own.
    """
    return parse_sealed(read_bytes(path, error), str(path), remedy, error)


def parse_sealed(data: bytes, where: str, remedy: str, error: type[RedheartError] = CheckpointError) -> dict[str, Any]:
    """The table in the bytes of a sealed file, without the seal.

    Raises:
        RedheartError: As read_sealed.
    """
    try:
        table = parse_table(data)
        if SEAL not in table:
            raise ValueError("it has no seal (SHA-256), so this version did not write it")
        if table[SEAL] != hashlib.sha256(_without_seal(data, table[SEAL])).hexdigest():
            raise ValueError("its contents and its seal (SHA-256) disagree")
    except (ValueError, RecursionError) as reason:
        raise error(f"{where} is damaged: {_in_words(data, reason)}; {remedy}") from reason
    return {key: value for key, value in table.items() if key != SEAL}


def sealed_line(table: Mapping[str, Any]) -> bytes:
    """A table with its seal as one line of a log."""
    return _one_line(_sealed(table))


def read_sealed_lines(path: Path, remedy: str, error: type[RedheartError] = CheckpointError) -> list[dict[str, Any]]:
    """The tables that sealed_line made; none if there is no file.

    A last line without its end is passed over: a process was killed while it wrote the line, or is writing it.

    Raises:
        RedheartError: Of the class error: a whole line is damaged.
    """
    if not path.exists():
        return []
    *lines, _ = read_bytes(path, error).split(b"\n")
    return [parse_sealed_line(line, f"{path} line {number}", remedy, error) for number, line in enumerate(lines, 1)]


def parse_sealed_line(
    line: bytes, where: str, remedy: str, error: type[RedheartError] = CheckpointError
) -> dict[str, Any]:
    """The table that sealed_line made, of its line without the end.

    Raises:
        RedheartError: Of the class error: the line is damaged.
    """
    try:
        table = parse_table(line)
        if _one_line(_sealed(table)) != line + b"\n":
            raise ValueError("its contents and its seal (SHA-256) disagree")
    except (ValueError, RecursionError) as reason:
        raise error(f"{where} is damaged: {_in_words(line, reason)}; {remedy}") from reason
    return {key: value for key, value in table.items() if key != SEAL}


def parse_table(data: bytes) -> dict[str, Any]:
    """A JSON object with distinct keys and finite numbers.

    Raises:
        ValueError: It is something else, or no JSON.
        RecursionError: It is nested too deeply.
    """
    value = parse_json(data)
    if not isinstance(value, dict):
        raise ValueError(f"expects a table, got {describe_value(value)}")
    return value


def _sealed(table: Mapping[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in table.items() if key != SEAL}
    return {**rest, SEAL: hashlib.sha256(to_json(rest)).hexdigest()}


def _without_seal(data: bytes, seal: object) -> bytes:
    """What to_json gives of the table without its seal, if the data are what it gives of the whole table.

    Taking a line away takes a hundredth of the time of writing the rest again.
    """
    line = f'\n "{SEAL}": "{seal}"'.encode()
    before, found, behind = data.partition(line)
    if found and behind.startswith(b",\n "):  # another key stands behind
        return before + behind[1:]
    if found and before.endswith(b",") and behind == b"\n}\n":
        return before[:-1] + behind
    raise ValueError("its contents and its seal (SHA-256) disagree")


def _one_line(table: Mapping[str, Any]) -> bytes:
    return json.dumps(table, ensure_ascii=False, allow_nan=False, sort_keys=True).encode() + b"\n"


def _in_words(data: bytes, reason: Exception) -> str:
    if not data.strip():
        return "it is empty"
    if isinstance(reason, RecursionError):
        return "its JSON is nested too deeply"
    if isinstance(reason, UnicodeError):
        return "it is not UTF-8"
    if isinstance(reason, json.JSONDecodeError):
        return f"not JSON ({reason.msg} at line {reason.lineno}, character {reason.colno})"
    return str(reason)
