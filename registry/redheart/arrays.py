"""Named arrays from a user's file: JSON, CSV or NPZ."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from redheart_core import DataError
from redheart_core.storage.jsonlines import parse_json, read_lines
from redheart_core.storage.npz import read_npz
from redheart_core.storage.paths import find_path

FORMATS = ".json, .csv or .npz"


def read_arrays(file: str, inputs: Collection[str], stdin: BinaryIO, say: Callable[[str], None]) -> dict[str, Any]:
    """The arrays in a file, or in JSON on standard input for "-".

    JSON is one object from name to numbers in nested lists, null for a missing one. CSV has a header; each
    column of numbers is an array of one axis, NAME.1, NAME.2, ... are the columns of the matrix NAME, an empty cell is
    missing, and columns of text are left out.

    Args:
        file: Path or "-". A .json or .csv file may be gzipped (.json.gz, .csv.gz).
        inputs: Names that may be asked for.
        stdin: Standard input, read for "-".
        say: Gets a line about each column that is left out.

    Raises:
        DataError: The file cannot be read; names it, and the line where that helps.
    """
    if file == "-":
        return _json(_text(stdin), "standard input")
    path = find_path(file)
    match Path(path.name.removesuffix(".gz")).suffix:
        case ".json":
            return _json("".join(line for _, line in read_lines(path)), path.name)
        case ".csv":
            return _csv(path, inputs, say)
        case ".npz" if path.suffix == ".npz":
            return _npz(path)
    raise DataError(f"{file}: expects a file that ends in {FORMATS}; - reads JSON from standard input")


def _text(stdin: BinaryIO) -> str:
    try:
        return stdin.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"standard input: not UTF-8 (byte {error.start})") from error


def _json(text: str, where: str) -> dict[str, Any]:
    if not text.strip():
        raise DataError(f'{where} is empty; expects a JSON object such as {{"x": [1, 2, 3]}}')
    try:
        value = parse_json(text)
    except RecursionError as error:
        raise DataError(f"{where}: JSON nested too deeply") from error
    except json.JSONDecodeError as error:
        raise DataError(f"{where} line {error.lineno}: broken JSON, {error.msg} at character {error.colno}") from error
    except ValueError as error:
        raise DataError(f"{where}: {error}") from error
    if not isinstance(value, dict):
        raise DataError(f"{where}: expects a JSON object from names to numbers, got {type(value).__name__}")
    return value


def _npz(path: Path) -> dict[str, Any]:
    import zipfile
    import zlib

    try:
        return read_npz(path)
    except FileNotFoundError as error:
        raise DataError(f"no such file: {path}") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(
            f"{path}: is no whole NPZ file of numbers; save one with numpy.savez(path, x=array), without dtype=object"
        ) from error


def _csv(path: Path, inputs: Collection[str], say: Callable[[str], None]) -> dict[str, Any]:
    header, rows = _rows(path)
    columns = {}
    for place, name in enumerate(header):
        numbers = _numbers([(where, row[place]) for where, row in rows], name, name.partition(".")[0] in inputs)
        if numbers is None:
            say(f"{path.name}: column '{name}' holds text and is left out")
        else:
            columns[name] = numbers
    return _matrices(columns, path)


def _rows(path: Path) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """The header and each row below it with its place.

    Blank lines are passed over, but in a file of one column one between others is an empty cell.
    """
    reader = csv.reader((line for _, line in read_lines(path)), strict=True)
    rows: list[tuple[str, list[str]]] = []
    try:
        for row in reader:
            if row or (rows and len(rows[0][1]) == 1):
                rows.append((f"{path.name} line {reader.line_num}", row or [""]))
    except csv.Error as error:
        raise DataError(f"{path.name} line {reader.line_num}: broken CSV, {error}") from error
    while rows and rows[-1][1] == [""]:
        rows.pop()
    if len(rows) < 2:
        raise DataError(f"{path} expects a first line with the names of the columns and numbers below it")
    (_, header), *rest = rows
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise DataError(f"{path.name} names the column {', '.join(map(repr, twice))} more than once")
    for where, row in rest:
        if len(row) != len(header):
            raise DataError(f"{where}: has {len(row)} cells, the first line names {len(header)} columns")
    return header, rest


def _numbers(cells: Iterable[tuple[str, str]], name: str, wanted: bool) -> list[float] | None:
    """The numbers of a column; None for text that nobody asks for."""
    numbers, wrong = [], []
    for where, cell in cells:
        try:
            numbers.append(_number(cell))
        except ValueError:
            wrong.append((where, cell))
    if wrong and not wanted and not any(math.isfinite(number) for number in numbers):
        return None
    if wrong:
        where, cell = wrong[0]
        raise DataError(f"{where}, column '{name}': not a number: {cell!r:.60} (leave a missing one empty)")
    return numbers


def _number(cell: str) -> float:
    """A finite number, NaN for an empty cell. Raises ValueError for anything else."""
    if not cell.strip():
        return math.nan
    number = float(cell.replace("_", "?"))  # Python alone reads 1_000 as a number
    if not math.isfinite(number):
        raise ValueError(cell)
    return number


def _matrices(columns: Mapping[str, list[float]], path: Path) -> dict[str, Any]:
    """NAME.1, NAME.2, ... put together to NAME."""
    arrays: dict[str, Any] = {}
    parts: dict[str, dict[str, list[float]]] = {}
    for name, numbers in columns.items():
        matrix, dot, number = name.partition(".")
        if dot:
            parts.setdefault(matrix, {})[number] = numbers
        else:
            arrays[name] = numbers
    for matrix, found in parts.items():
        numbered = [str(number) for number in range(1, len(found) + 1)]
        if set(found) != set(numbered) or matrix in arrays:
            given = ", ".join([*([matrix] if matrix in arrays else []), *(f"{matrix}.{number}" for number in found)])
            raise DataError(
                f"{path.name}: the matrix '{matrix}' needs the columns {matrix}.1, {matrix}.2, ... without a gap, "
                f"got {given}"
            )
        arrays[matrix] = [list(row) for row in zip(*(found[number] for number in numbered), strict=True)]
    return arrays
