"""Reads data sets as their publishers give them: a folder of files, rows of cells, ids that come once."""

from __future__ import annotations

import csv
import html
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from redheart_core.contract.data import Record
from redheart_core.contract.errors import DataError
from redheart_core.storage.bad_rows import BadRows, refuse
from redheart_core.storage.jsonlines import OnError, read_lines
from redheart_core.storage.paths import find_path

_CONTROLS = (*range(0x09), *range(0x0E, 0x1C), *range(0x7F, 0x85), *range(0x86, 0xA0))
"""Control characters that are no white space; some posts hold a stray one."""
_INVISIBLE = dict.fromkeys((*map(ord, "\u200b\u200c\u200d\u2060\ufeff"), *_CONTROLS))


def required_folder(dataset: str, path: Path | None, holds: str) -> Path:
    """The folder of a data set's files.

    Args:
        dataset: Its name, which is that of its settings table too.
        path: What the user gave.
        holds: The files that belong there, for the message.

    Raises:
        DataError: None given, or it is no folder.
    """
    if path is None:
        raise DataError(
            f"data set '{dataset}' needs the folder of its files: write path = \"...\" under [plugins.{dataset}], "
            f"or give --set {dataset}.path=..."
        )
    path = find_path(path)
    if not path.is_dir():
        state = "is a file, not a folder" if path.exists() else "does not exist"
        raise DataError(f"data set '{dataset}': {path} {state}; expected a folder with {holds}")
    return path


def find_file(dataset: str, folder: Path, name: str) -> Path:
    """The file of that name, plain or with .gz at its end.

    Raises:
        DataError: Neither is there, or both are.
    """
    if not has_file(folder, name):
        raise DataError(f"data set '{dataset}': {folder} holds neither {name}.gz nor {name}")
    packed, plain = find_path(folder / f"{name}.gz"), find_path(folder / name)
    if packed.exists() and plain.exists():
        raise DataError(f"data set '{dataset}': {folder} holds both {name}.gz and {name}; remove one of them")
    return packed if packed.exists() else plain


def has_file(folder: Path, name: str) -> bool:
    """Whether the file is there, plain or with .gz at its end."""
    return find_path(folder / f"{name}.gz").exists() or find_path(folder / name).exists()


def read_cells(
    path: Path, columns: Sequence[str], delimiter: str = "\t", quoted: bool = True, on_error: OnError = refuse
) -> Iterator[tuple[str, list[str]]]:
    """Yield (where, cells) for every line; blank lines are passed over.

    Args:
        path: UTF-8, plain or gzipped; a row stands on one line.
        columns: What the cells of a row are, for messages; their number is required.
        delimiter: Between cells.
        quoted: A cell may stand in quotation marks, with those within it doubled (RFC 4180). Else they are
            characters like any other.
        on_error: Gets the error of a line that is not UTF-8, has another number of cells, or a quotation that is not
            closed; it is passed over.

    Raises:
        DataError: As read_lines.
    """
    for where, line in read_lines(path, on_error):
        text = line.rstrip("\r\n")
        if not text.strip(" "):
            continue
        try:
            cells = _unquoted(text, delimiter, where) if quoted else text.split(delimiter)
            if len(cells) != len(columns):
                raise DataError(f"{where}: expects {len(columns)} columns ({', '.join(columns)}), got {len(cells)}")
        except DataError as error:
            on_error(error)
            continue
        yield where, cells


def _unquoted(line: str, delimiter: str, where: str) -> list[str]:
    try:
        (cells,) = csv.reader([line], delimiter=delimiter, strict=True)
    except csv.Error as error:
        raise DataError(f"{where}: broken quotation, {error}; a row has to stand on one line") from error
    return cells


def read_label_ids(cell: str, labels: Sequence[str], where: str) -> dict[str, float]:
    """Comma-separated label numbers from 0, at least one, as 1 for each of these labels and 0 for the others.

    Raises:
        DataError: Not such numbers, one is unknown or stands twice.
    """
    parts = cell.split(",")
    wrong = [part for part in parts if not (part.isascii() and part.isdigit() and int(part) < len(labels))]
    if wrong:
        raise DataError(f"{where}: unknown label id {wrong[0]!r:.40} in {cell!r:.60} (ids: 0 to {len(labels) - 1})")
    chosen = {int(part) for part in parts}
    if len(chosen) < len(parts):
        raise DataError(f"{where}: a label id stands twice in {cell!r:.60}")
    return {label: float(number in chosen) for number, label in enumerate(labels)}


def has_words(text: str, where: str) -> bool:
    """Whether a text has a letter; a text without one, such as ":((", has nothing that could be analysed.

    Raises:
        DataError: The text is empty.
    """
    if not text.strip():
        raise DataError(f"{where}: text is empty")
    return any(char.isalpha() for char in text)


def clean_post(text: str) -> str:
    """Undo HTML entities, twice as posts are encoded twice; drop what cannot be seen and outer blanks."""
    return html.unescape(html.unescape(text)).translate(_INVISIBLE).strip()


def read_post(value: Mapping[str, object], key: str, where: str) -> str:
    """The cleaned text of a JSON object's key.

    Raises:
        DataError: It is missing, not a string, or empty once cleaned.
    """
    if key not in value:
        raise DataError(f"{where}: expects the key {key!r} (keys: {', '.join(value) or 'none'})")
    raw = value[key]
    if not isinstance(raw, str):
        raise DataError(f"{where}: {key} expects a string, got {type(raw).__name__} {raw!r:.60}")
    cleaned = clean_post(raw)
    if not cleaned:
        raise DataError(f"{where}: {key} is empty")
    return cleaned


def read_all(read: Callable[[BadRows], Iterator[Record]]) -> Iterator[Record]:
    """The records of a reader, and then all of its bad rows together.

    Args:
        read: Gets what collects bad rows, and gives the good ones.

    Raises:
        BadRowsError: A row was bad, an id is empty or comes twice, or the reader ended with a DataError.
    """
    bad, seen = BadRows(), dict[str, str]()
    for record in bad.passing(read(bad)):
        with bad.row():
            if not record.id.strip():
                raise DataError(f"{record.where}: id is empty")
            if record.id in seen:
                raise DataError(f"{record.where}: the id {record.id!r} already stands in {seen[record.id]}")
            seen[record.id] = record.where
            yield record
    bad.check()
