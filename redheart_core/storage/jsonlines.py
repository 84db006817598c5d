"""Reads text files and JSON lines, plain or gzipped, with errors that name file and line."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from redheart_core.contract.errors import DataError
from redheart_core.contract.names import composed
from redheart_core.storage.bad_rows import BadLineError, refuse
from redheart_core.storage.paths import find_path

MOST_DIGITS = 1_000
"""Of an integer; beyond 309 none is a finite 64-bit number."""
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
OnError = Callable[[DataError], None]
"""What is done with a bad line: raise its error (`refuse`), or collect it (`BadRows.add`) and go on."""


def read_lines(path: Path, on_error: OnError = refuse) -> Iterator[tuple[str, str]]:
    """Yield (where, line) for every line of a UTF-8 file, the line with its ending.

    A name that ends in .gz is unpacked; a byte order mark at the start of a line is dropped.
    where is file name and line number from 1: "train.jsonl.gz line 7".

    Args:
        path: In any Unicode form of its name.
        on_error: Gets the error of a line that is not UTF-8, which is passed over.

    Raises:
        DataError: The file cannot be opened or is no whole gzip file.
    """
    path = find_path(path)
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            yield from stream_lines(file, path.name, on_error)
    except FileNotFoundError as error:
        raise DataError(f"no such file: {path}") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error


def stream_lines(stream: Iterable[bytes], name: str, on_error: OnError = refuse) -> Iterator[tuple[str, str]]:
    """The same for an open stream of bytes, from where it stands, one line at a time.

    Args:
        stream: Such as standard input.
        name: Of the file, for the places in messages.
        on_error: As for read_lines.

    Raises:
        DataError: Gzip data break off or are none.
    """
    number = 0
    try:
        for number, raw in enumerate(stream, 1):
            where = f"{name} line {number}"
            try:
                line = raw.decode("utf-8-sig")  # files that were put together have a mark at each seam
            except UnicodeDecodeError as error:
                byte = raw[error.start]
                on_error(
                    BadLineError(
                        f"{where}: not UTF-8 (byte 0x{byte:02x} at position {error.start + 1} of the line); "
                        "save the file as UTF-8",
                        unescaped(raw.decode("utf-8", "replace")),
                    )
                )
                continue
            yield where, line
    except EOFError as error:
        raise DataError(f"{name}: the gzip data breaks off after line {number}; get the whole file again") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(
            f"{name}: ends in .gz but cannot be unpacked after line {number} ({error}); get the file again, "
            "or rename it if it is not packed"
        ) from error


def read_objects(path: Path, on_error: OnError = refuse) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield (where, object) for every line that holds a JSON object, keys in NFC; blank lines are passed over.

    Args:
        path: As for read_lines.
        on_error: Gets the error of a line that is not one JSON object with distinct keys and finite numbers.

    Raises:
        DataError: As read_lines.
    """
    return parse_objects(read_lines(path, on_error), on_error)


def parse_objects(
    lines: Iterable[tuple[str, str]], on_error: OnError = refuse
) -> Iterator[tuple[str, dict[str, object]]]:
    """The objects of lines, each with its place; see read_objects."""
    for where, line in lines:
        if not line.strip():
            continue
        try:
            value = _parse(line, where)
        except DataError as error:
            on_error(error)
            continue
        yield where, value


def _parse(line: str, where: str) -> dict[str, object]:
    try:
        value = parse_json(line)
    except RecursionError as error:
        raise BadLineError(f"{where}: JSON nested too deeply", unescaped(line)) from error
    except json.JSONDecodeError as error:
        reason = f"broken JSON, {error.msg} at character {error.pos + 1}: {_near(error)!r}"
        raise BadLineError(f"{where}: {reason}", unescaped(line)) from error
    except ValueError as error:
        raise BadLineError(f"{where}: {error}", unescaped(line)) from error
    if not isinstance(value, dict):
        found = f"{type(value).__name__} {value!r:.60}"
        raise BadLineError(f"{where}: expects a JSON object, got {found}", unescaped(line))
    if "\\u" in line:
        _check_surrogates(value, where)
    return value


def parse_json(text: str | bytes) -> Any:
    """The value of a JSON text, as strict as JSON itself: distinct keys, numbers that are numbers.

    Raises:
        ValueError: It is no JSON, a key stands twice in an object, or a number is none or has too many digits.
        RecursionError: It is nested too deeply.
    """
    return json.loads(text, object_pairs_hook=distinct_keys, parse_constant=refuse_constant, parse_int=parse_integer)


def parse_integer(digits: str) -> int:
    """The integer of a JSON text; one of more than MOST_DIGITS digits, which takes ever longer, is a ValueError."""
    if len(digits) > MOST_DIGITS:
        raise ValueError(f"the number {digits[:12]}... has {len(digits):,} digits, {MOST_DIGITS:,} are allowed")
    return int(digits)


def distinct_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """The members of a JSON object, keys in NFC; the same key twice is a ValueError."""
    names = [composed(name) for name, _ in pairs]
    value = dict(zip(names, (value for _, value in pairs), strict=True))
    if len(value) < len(pairs):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"the key {', '.join(twice)} stands twice in one object")
    return value


def refuse_constant(name: str) -> object:
    """A ValueError for NaN and Infinity, which JSON does not have."""
    raise ValueError(f"{name} is not a JSON number; write null for a missing one")


def _near(error: json.JSONDecodeError) -> str:
    return error.doc[max(0, error.pos - 20) : error.pos + 20].strip()


def _check_surrogates(value: object, where: str) -> None:
    """Half of an escaped surrogate pair is a str that nothing can write later."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        half = f"holds half of a surrogate pair, {error.object[error.start]!r}"
        raise BadLineError(f"{where}: {half}; write whole characters", value) from error


def unescaped(line: str) -> str:
    """A line with the characters that escapes of JSON stand for, as far as they can be read, whatever else it is."""
    halves = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), line)  # of pairs, which UTF-16 puts together
    return halves.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
