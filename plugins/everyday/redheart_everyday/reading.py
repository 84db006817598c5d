"""Reads the sentences into records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from redheart_core import CATALOGUE, DataError, Record
from redheart_core.data.ekman import to_ekman
from redheart_core.data.published import read_all, read_cells
from redheart_core.storage.bad_rows import BadRows
from redheart_everyday.settings import EverydaySettings

FOLDER = Path(__file__).parent
AUTHORS = {"en": 8, "ko": 13}
"""How many there are of each language, from 1."""
TEST = 6
"""Wrote what is only measured."""
COLUMNS = {"en": ("goemotions",), "ko": ("goemotions", "kote")}
"""Behind the text: the taxonomies of the labels."""


def read_english(settings: EverydaySettings) -> Iterator[Record]:
    """Yield the sentences of all authors, in the order of their files; those of TEST are the test split.

    Raises:
        DataError: A file is missing or damaged, or a row has no text or an unknown label.
    """
    return read_all(lambda bad: _read("en", bad))


def read_korean(settings: EverydaySettings) -> Iterator[Record]:
    """The same of the Korean sentences."""
    return read_all(lambda bad: _read("ko", bad))


def _read(language: str, bad: BadRows) -> Iterator[Record]:
    columns = COLUMNS[language]
    for author in range(1, AUTHORS[language] + 1):
        path = FOLDER / language / f"author{author}.tsv"
        rows = read_cells(path, ("text", *columns), quoted=False, on_error=bad.add)
        for number, (where, (text, *cells)) in enumerate(rows, 1):
            with bad.row():
                seen = {
                    name: _labels(cell, CATALOGUE[name].labels, where)
                    for name, cell in zip(columns, cells, strict=True)
                }
                yield Record(
                    id=f"everyday-{language}-{author}-{number}",
                    text=text,
                    values={**seen, "ekman": to_ekman(seen["goemotions"])},
                    where=where,
                    split="test" if author == TEST else "train",
                    language=language,
                )


def _labels(cell: str, labels: Sequence[str], where: str) -> dict[str, float]:
    """Comma-separated names, at least one, as 1 for each of these labels and 0 for the others.

    Raises:
        DataError: One is unknown or stands twice.
    """
    chosen = cell.split(",")
    for name in chosen:
        if name not in labels:
            raise DataError(f"{where}: unknown label {name!r:.40}; expected some of {', '.join(labels)}")
    if len({*chosen}) < len(chosen):
        raise DataError(f"{where}: a label stands twice in {cell!r:.60}")
    return {label: float(label in chosen) for label in labels}
