"""Reads the comments into records."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import attrs

from redheart_core import CATALOGUE, DataError, Record
from redheart_core.data.ekman import to_ekman
from redheart_core.data.published import find_file, has_words, read_all, read_cells, read_label_ids, required_folder
from redheart_core.storage.bad_rows import BadRows
from redheart_core.storage.jsonlines import read_lines
from redheart_goemotions.settings import GoemotionsSettings, fields

_SPLITS: tuple[tuple[str, Literal["train", "test"]], ...] = (("train", "train"), ("dev", "test"))
_EMOTIONS = CATALOGUE["goemotions"].labels


@attrs.frozen
class _Form:
    """How the files of a data set are written."""

    dataset: str
    language: str
    columns: tuple[str, ...]
    quoted: bool

    @property
    def english(self) -> bool:
        return self.language == "en"


_ENGLISH = _Form("goemotions", "en", ("text", "label ids", "id"), quoted=True)
_KOREAN = _Form("goemotions_ko", "ko", ("text", "label ids"), quoted=False)
"""The translation was written without quoting, and its quotation marks do not pair."""


def read_english(settings: GoemotionsSettings) -> Iterator[Record]:
    """Yield the train part, then the dev part (as "test"), in file order.

    A comment without a letter, such as ":((", is left out: nothing in it can be analysed. A comment and its translation
    are of one cluster, named by part and row, which are the same in both languages.

    Raises:
        DataError: No folder given, a file is missing or damaged, or a row has no text, no known
            label ids or an id that stands elsewhere too.
    """
    return read_all(lambda bad: _read(settings, _ENGLISH, bad))


def read_korean(settings: GoemotionsSettings) -> Iterator[Record]:
    """The same of the translation, whose files hold no ids."""
    return read_all(lambda bad: _read(settings, _KOREAN, bad))


def _read(settings: GoemotionsSettings, form: _Form, bad: BadRows) -> Iterator[Record]:
    holds = "train.tsv, dev.tsv and emotions.txt" if form.english else "train.tsv and dev.tsv"
    folder = required_folder(form.dataset, settings.path, holds)
    files = [(find_file(form.dataset, folder, f"{part}.tsv"), part, split) for part, split in _SPLITS]
    if form.english:
        _check_emotions(find_file(form.dataset, folder, "emotions.txt"))
    wanted = {field.name for field in fields(settings)}
    for path, part, split in files:
        rows = read_cells(path, form.columns, quoted=form.quoted, on_error=bad.add)
        for number, (where, cells) in enumerate(rows, 1):
            with bad.row():
                emotions = read_label_ids(cells[1], _EMOTIONS, where)
                if not has_words(cells[0], where):
                    continue
                values = {"goemotions": emotions, "ekman": to_ekman(emotions)}
                yield Record(
                    id=cells[2] if form.english else f"ko-{part}-{number}",
                    text=cells[0],
                    values={name: value for name, value in values.items() if name in wanted},
                    where=where,
                    split=split,
                    language=form.language,
                    cluster=f"goemotions-{part}-{number}",
                )


def _check_emotions(path: Path) -> None:
    """emotions.txt has to hold the known names in their order, since label ids count its lines from 0."""
    lines = [(where, line.strip()) for where, line in read_lines(path)]
    for (where, found), expected in zip(lines[: len(_EMOTIONS)], _EMOTIONS[: len(lines)], strict=True):
        if found != expected:
            raise DataError(f"{where}: expects {expected!r}, got {found!r:.40}; label ids count the lines from 0")
    if len(lines) != len(_EMOTIONS):
        raise DataError(f"{path.name}: expects {len(_EMOTIONS)} lines, one per emotion, got {len(lines)}")
