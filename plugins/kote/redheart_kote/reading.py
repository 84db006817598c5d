"""Reads the comments into records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from redheart_core import CATALOGUE, DataError, Record
from redheart_core.data.published import (
    find_file,
    has_file,
    has_words,
    read_all,
    read_cells,
    read_label_ids,
    required_folder,
)
from redheart_core.storage.bad_rows import BadRows
from redheart_kote.settings import KoteSettings

_SPLITS: tuple[tuple[str, Literal["train", "test"]], ...] = (("train.tsv", "train"), ("val.tsv", "test"))
_COLUMNS = ("id", "text", "label ids")


def read_records(settings: KoteSettings) -> Iterator[Record]:
    """Yield the train part, then the validation part (as "test"), in file order.

    If only one of them is there, its records have no split. A comment without a letter is
    left out: nothing in it can be analysed.

    Raises:
        DataError: No folder given, both parts are missing, a file is damaged, or a row has no text,
            no known label ids or an id that stands elsewhere too.
    """
    return read_all(lambda bad: _read(settings, bad))


def _read(settings: KoteSettings, bad: BadRows) -> Iterator[Record]:
    folder = required_folder("kote", settings.path, "train.tsv and val.tsv, or one of them")
    parts = [(find_file("kote", folder, name), split) for name, split in _SPLITS if has_file(folder, name)]
    if not parts:
        raise DataError(f"data set 'kote': {folder} holds neither train.tsv nor val.tsv")
    for path, split in parts:
        for where, (id_, text, label_ids) in read_cells(path, _COLUMNS, on_error=bad.add):
            with bad.row():
                emotions = read_label_ids(label_ids, CATALOGUE["kote"].labels, where)
                if has_words(text, where):
                    yield Record(
                        id=id_,
                        text=text,
                        values={"kote": emotions},
                        where=where,
                        split=split if len(parts) == len(_SPLITS) else None,
                        language="ko",
                    )
