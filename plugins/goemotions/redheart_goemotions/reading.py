"""Reads the comments into records."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from redheart_core import CATALOGUE, DataError, Record
from redheart_core.contract.bad_rows import BadRows
from redheart_core.data.published import find_file, has_words, read_all, read_cells, read_label_ids, required_folder
from redheart_core.storage.jsonlines import read_lines
from redheart_goemotions.ekman import to_ekman
from redheart_goemotions.settings import GoemotionsSettings, fields

_SPLITS: tuple[tuple[str, Literal["train", "test"]], ...] = (("train", "train"), ("dev", "test"))
_COLUMNS = {"en": ("text", "label ids", "id"), "ko": ("text", "label ids")}
_EMOTIONS = CATALOGUE["goemotions"].labels


def read_records(settings: GoemotionsSettings) -> Iterator[Record]:
    """Yield the train part, then the dev part (as "test"), in file order.

    A comment without a letter, such as ":((", is left out: nothing in it can be analysed.

    Raises:
        DataError: No folder given, a file is missing or damaged, or a row has no text, no known
            label ids or an id that stands elsewhere too.
    """
    return read_all(lambda bad: _read(settings, bad))


def _read(settings: GoemotionsSettings, bad: BadRows) -> Iterator[Record]:
    english = settings.language == "en"
    holds = "train.tsv, dev.tsv and emotions.txt" if english else "train.tsv and dev.tsv"
    folder = required_folder("goemotions", settings.path, holds)
    files = [(find_file("goemotions", folder, f"{part}.tsv"), part, split) for part, split in _SPLITS]
    if english:
        _check_emotions(find_file("goemotions", folder, "emotions.txt"))
    wanted = {field.name for field in fields(settings)}
    for path, part, split in files:
        # The translation was written without quoting, and its quotation marks do not pair
        rows = read_cells(path, _COLUMNS[settings.language], quoted=english, on_error=bad.add)
        for number, (where, cells) in enumerate(rows, 1):
            with bad.row():
                emotions = read_label_ids(cells[1], _EMOTIONS, where)
                if not has_words(cells[0], where):
                    continue
                values = {"goemotions": emotions, "ekman": to_ekman(emotions)}
                yield Record(
                    id=cells[2] if english else f"ko-{part}-{number}",
                    text=cells[0],
                    values={name: value for name, value in values.items() if name in wanted},
                    where=where,
                    split=split,
                    language=settings.language,
                )


def _check_emotions(path: Path) -> None:
    """emotions.txt has to hold the known names in their order, since label ids count its lines from 0."""
    lines = [(where, line.strip()) for where, line in read_lines(path)]
    for (where, found), expected in zip(lines[: len(_EMOTIONS)], _EMOTIONS[: len(lines)], strict=True):
        if found != expected:
            raise DataError(f"{where}: expects {expected!r}, got {found!r:.40}; label ids count the lines from 0")
    if len(lines) != len(_EMOTIONS):
        raise DataError(f"{path.name}: expects {len(_EMOTIONS)} lines, one per emotion, got {len(lines)}")
