"""Reads the pairs into records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

import attrs

from redheart_core import DataError, Record
from redheart_core.data.published import find_file, read_all, read_post, required_folder
from redheart_core.storage.bad_rows import BadRows
from redheart_core.storage.jsonlines import read_objects
from redheart_dilemmas.chains import act_sets
from redheart_dilemmas.settings import DilemmasSettings

BETWEEN = "\n\n"
"""Between the acts in the text of a record: each is a paragraph."""


@attrs.frozen
class Pair:
    """A pair of acts, before it is known which others stay with it."""

    acts: tuple[str, str]
    """Their ids."""
    record: Record


def read_records(settings: DilemmasSettings) -> Iterator[Record]:
    """Yield the pairs of the train files, then those of the test files (as "test"), in file order.

    Raises:
        DataError: No folder given, a file is missing or damaged, or a pair lacks an id, two acts or votes or repeats an
            id.
    """
    return read_all(lambda bad: _read(settings, bad))


def _read(settings: DilemmasSettings, bad: BadRows) -> Iterator[Record]:
    names = (*settings.train, *settings.test)
    folder = required_folder("dilemmas", settings.path, " and ".join(names))
    files = [find_file("dilemmas", folder, name) for name in names]
    for part, own in (("train", files[: len(settings.train)]), ("test", files[len(settings.train) :])):
        split: Literal["train", "test"] | None = None
        if settings.test:
            split = "train" if part == "train" else "test"
        pairs = [pair for path in own for pair in _pairs(path, split, bad)]
        yield from _kept(pairs, settings.acts_together if part == "train" else 0)


def _kept(pairs: list[Pair], together: int) -> Iterator[Record]:
    """The records, each with the set of acts that it stays with; without pairs between two sets."""
    if not together:
        yield from (pair.record for pair in pairs)
        return
    sets = act_sets([pair.acts for pair in pairs], together)
    for pair in pairs:
        first, second = (sets[act] for act in pair.acts)
        if first == second:
            yield attrs.evolve(pair.record, cluster=f"acts {first}")


def _pairs(path: Path, split: Literal["train", "test"] | None, bad: BadRows) -> Iterator[Pair]:
    for where, value in read_objects(path, bad.add):
        with bad.row():
            (first, first_id), (second, second_id) = _acts(value, where)
            if first_id == second_id:
                raise DataError(f"{where}: both actions have the id {first_id!r}; a pair has two acts")
            votes = {"less_ethical": _votes(value, "gold_annotations", where)}
            if "human_perf_annotations" in value:
                votes["less_ethical_again"] = _votes(value, "human_perf_annotations", where)
            record = Record(
                id=read_post(value, "id", where),
                text=first + BETWEEN + second,
                values={"first_act": first, "second_act": second, **votes},
                where=where,
                split=split,
                language="en",
            )
            yield Pair((first_id, second_id), record)


def _acts(value: Mapping[str, object], where: str) -> list[tuple[str, str]]:
    """Description and id of both acts."""
    acts = value.get("actions")
    if not isinstance(acts, list) or len(acts) != 2 or not all(isinstance(act, dict) for act in acts):
        raise DataError(f"{where}: actions expects a list of two objects, got {acts!r:.90}")
    places = [f"{where}, action {number}" for number in (1, 2)]
    return [
        (read_post(act, "description", place), read_post(act, "id", place))
        for act, place in zip(acts, places, strict=True)
    ]


def _votes(value: Mapping[str, object], key: str, where: str) -> dict[str, object]:
    """How many raters found the first and the second act less ethical, at least one in all; the field checks them."""
    votes = value.get(key)
    if not isinstance(votes, list) or len(votes) != 2:
        raise DataError(f"{where}: {key} expects a list of two numbers of raters, got {votes!r:.60}")
    if all(number == 0 for number in votes):
        raise DataError(f"{where}: {key} has no vote at all; leave the pair out")
    return {"first": votes[0], "second": votes[1]}
