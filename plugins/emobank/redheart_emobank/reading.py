"""Reads the sentences into records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from redheart_core import DataError, Record
from redheart_core.data.published import find_file, has_words, read_all, read_cells, required_folder
from redheart_core.storage.bad_rows import BadRows
from redheart_emobank.settings import EmobankSettings

_COLUMNS = ("id", "split", "V", "A", "D", "text")
_SPLITS: Mapping[str, Literal["train", "test"] | None] = {"train": "train", "dev": "test", "test": None}
"""The publisher's part to redheart's; the publisher's test part is left out, so that it stays unseen."""


def read_records(settings: EmobankSettings) -> Iterator[Record]:
    """Yield the train part and the dev part (as "test") as they stand in the file.

    A sentence without a letter, such as "!", is left out: nothing in it can be analysed.

    Raises:
        DataError: No folder given, the file is missing or damaged, or a row has no text, no number, an
            unknown split or an id that stands elsewhere too.
    """
    return read_all(lambda bad: _read(settings, bad))


def _read(settings: EmobankSettings, bad: BadRows) -> Iterator[Record]:
    folder = required_folder("emobank", settings.path, "emobank.csv")
    path = find_file("emobank", folder, "emobank.csv")
    rows = read_cells(path, _COLUMNS, delimiter=",", on_error=bad.add)
    where, header = next(rows, (path.name, []))
    if tuple(header) != _COLUMNS:
        raise DataError(f"{where}: expects the header {','.join(_COLUMNS)}, got {','.join(header) or 'nothing'!r:.60}")
    for where, (id_, part, valence, arousal, dominance, text) in rows:
        with bad.row():
            if part not in _SPLITS:
                raise DataError(f"{where}: column 'split' expects one of {', '.join(_SPLITS)}, got {part!r:.40}")
            numbers = {
                "valence": _number(valence, "V", where),
                "arousal": _number(arousal, "A", where),
                "dominance": _number(dominance, "D", where),
            }
            split = _SPLITS[part]
            if has_words(text, where) and split is not None:
                yield Record(id=id_, text=text, values={"vad": numbers}, where=where, split=split, language="en")


def _number(cell: str, column: str, where: str) -> float:
    try:
        return float(cell)
    except ValueError as error:
        raise DataError(f"{where}: column {column!r} expects a number, got {cell!r:.40}") from error
