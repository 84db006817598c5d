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
AUTHORS = tuple(range(1, 10))
TEST = 6
"""Wrote what is only measured."""


def read_records(settings: EverydaySettings) -> Iterator[Record]:
    """Yield the sentences of all authors, in the order of their files; those of TEST are the test split.

    Raises:
        DataError: A file is missing or damaged, or a row has no text or an unknown label.
    """
    return read_all(lambda bad: _read(FOLDER, bad))


def _read(folder: Path, bad: BadRows) -> Iterator[Record]:
    for author in AUTHORS:
        rows = read_cells(
            folder / f"author{author}.tsv", ("text", "goemotions", "kote"), quoted=False, on_error=bad.add
        )
        for number, (where, (text, emotions, kote)) in enumerate(rows, 1):
            with bad.row():
                seen = _labels(emotions, CATALOGUE["goemotions"].labels, where)
                yield Record(
                    id=f"everyday-ko-{author}-{number}",
                    text=text,
                    values={
                        "goemotions": seen,
                        "ekman": to_ekman(seen),
                        "kote": _labels(kote, CATALOGUE["kote"].labels, where),
                    },
                    where=where,
                    split="test" if author == TEST else "train",
                    language="ko",
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
