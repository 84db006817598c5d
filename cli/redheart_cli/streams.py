"""Standard input and output: bytes in from where they stand, text out in whatever encoding the terminal has."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import Any, BinaryIO

from redheart_core import DataError
from redheart_core.storage.bad_rows import BadLineError, refuse
from redheart_core.storage.jsonlines import OnError, parse_objects, read_objects, stream_lines

STANDARD_INPUT = "standard input"


def stdin() -> BinaryIO:
    """Standard input as bytes: a pipe, a socket, a file that has been read in part.

    Raises:
        DataError: It is closed.
    """
    if sys.stdin is None:  # closed before this process began
        raise DataError("standard input is closed; give a file, or the text itself")
    return sys.stdin.buffer


def read_text(file: Path | None) -> tuple[str, str]:
    """One text and what to call it, from a file or from standard input; a byte order mark is dropped.

    Raises:
        DataError: It cannot be read or is not UTF-8.
    """
    name = STANDARD_INPUT if file is None else file.name
    try:
        data = stdin().read() if file is None else file.read_bytes()
    except OSError as error:
        raise DataError(f"{file or name}: cannot be read ({error.strerror or error})") from error
    try:
        return name, data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"{name}: not UTF-8 (byte {error.start}); save it as UTF-8"
        raise BadLineError(message, data.decode("utf-8", "replace")) from error


def read_records(path: Path, on_error: OnError = refuse) -> Iterator[tuple[str, dict[str, object]]]:
    """The objects of JSON lines in a file, or on standard input for "-", each with its place.

    Args:
        path: The file.
        on_error: Gets the error of a line that holds no object.
    """
    if str(path) == "-":
        return parse_objects(stream_lines(stdin(), STANDARD_INPUT, on_error), on_error)
    return read_objects(path, on_error)


def to_json(value: Any, indent: int | None = None) -> str:
    """JSON that standard output can hold: other characters than ASCII are escaped unless it takes UTF-8.

    Raises:
        ValueError: A number is not finite.
    """
    plain = (sys.stdout.encoding or "ascii").lower().replace("-", "") != "utf8"
    return json.dumps(value, indent=indent, ensure_ascii=plain, allow_nan=False)


def occupy_closed_streams() -> None:
    """Where a standard stream is closed, nothing else may take its number: what is written there is dropped."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
    if sys.stdout is None:
        forget_stdout()
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for the rest of the process


def accept_every_character() -> None:
    """From now on characters that an output's encoding does not have are written as escapes such as \\ud55c."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def forget_stdout() -> None:
    """Nothing more is written to a standard output that is closed or full, at the end of the process either."""
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for the rest of the process
