"""Reads the anecdotes into records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from redheart_core import CATALOGUE, DataError, Record
from redheart_core.data.published import find_file, read_all, read_post, required_folder
from redheart_core.storage.bad_rows import BadRows
from redheart_core.storage.jsonlines import read_objects
from redheart_scruples.settings import ScruplesSettings

_SPLITS: tuple[tuple[str, Literal["train", "test"]], ...] = (
    ("train.scruples-anecdotes.jsonl", "train"),
    ("dev.scruples-anecdotes.jsonl", "test"),
)


def read_records(settings: ScruplesSettings) -> Iterator[Record]:
    """Yield the train part, then the dev part (as "test"), in file order.

    Raises:
        DataError: No folder given, a file is missing or damaged, or a record lacks id, text or votes
            or repeats an id.
    """
    return read_all(lambda bad: _read(settings, bad))


def _read(settings: ScruplesSettings, bad: BadRows) -> Iterator[Record]:
    folder = required_folder("scruples", settings.path, " and ".join(name for name, _ in _SPLITS))
    files = [(find_file("scruples", folder, name), split) for name, split in _SPLITS]
    for path, split in files:
        for where, value in read_objects(path, bad.add):
            with bad.row():
                text = read_post(value, "text", where)
                yield Record(
                    id=read_post(value, "id", where),
                    text=f"{read_post(value, 'title', where)}\n\n{text}" if settings.with_title else text,
                    values={"votes": _votes(value, where)},
                    where=where,
                    split=split,
                    language="en",
                )


def _votes(value: Mapping[str, object], where: str) -> Mapping[str, object]:
    """The votes on each verdict, of which there has to be at least one; the field checks each number."""
    votes, verdicts = value.get("label_scores"), CATALOGUE["votes"].labels
    if not isinstance(votes, dict) or votes.keys() != set(verdicts):
        raise DataError(
            f"{where}: label_scores expects an object with the keys {', '.join(verdicts)}, got {votes!r:.90}"
        )
    if all(number == 0 for number in votes.values()):
        raise DataError(f"{where}: label_scores has no vote at all; leave the record out")
    return votes
