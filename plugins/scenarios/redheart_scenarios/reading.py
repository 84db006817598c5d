"""Reads the scenario files into records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from redheart_core import Record
from redheart_core.data.published import find_file, read_all, read_post, required_folder
from redheart_core.storage.bad_rows import BadRows
from redheart_core.storage.jsonlines import read_objects
from redheart_scenarios.settings import ScenariosSettings

_SPLITS: tuple[tuple[str, Literal["train", "test"]], ...] = (("train.jsonl", "train"), ("dev.jsonl", "test"))
_KEYS = {
    "emotion": "emotions",
    "regret": "regret_factor",
    "bentham": "bentham_scores",
    "choice_factors": "choice_factors",
    "votes": "label_scores",
}
"""Field name to the key in the files."""


def read_records(settings: ScenariosSettings) -> Iterator[Record]:
    """Yield the train part, then the dev part (as "test"), in file order.

    Raises:
        DataError: No folder given, a file is missing or damaged, or a record lacks id or text
            or repeats an id.
    """
    return read_all(lambda bad: _read(settings, bad))


def _read(settings: ScenariosSettings, bad: BadRows) -> Iterator[Record]:
    holds = "train.jsonl.gz and dev.jsonl.gz, or train.jsonl and dev.jsonl"
    folder = required_folder("scenarios", settings.path, holds)
    files = [(find_file("scenarios", folder, name), split) for name, split in _SPLITS]
    for path, split in files:
        for where, value in read_objects(path, bad.add):
            with bad.row():
                text = read_post(value, "text", where)
                if settings.with_title:
                    text = f"{read_post(value, 'title', where)}\n\n{text}"
                yield Record(
                    id=read_post(value, "id", where),
                    text=text if settings.first_chars is None else text[: settings.first_chars].rstrip(),
                    values={field: value.get(key) for field, key in _KEYS.items()},
                    where=where,
                    split=split,
                    language="en",
                )
