"""Which record is trained on, validated on, calibrated on and tested on.

The side of a record is a seeded hash of an id, so it depends on no other record but
its near-duplicates, which all stay on one side.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence

import attrs
import numpy as np
from numpy.typing import NDArray

from redheart_core.contract.data import SPLITS, Record
from redheart_core.contract.errors import DataError
from redheart_core.data.division import EXCLUDED, ClusterReport, SplitReport
from redheart_core.data.text import shorten

_OWN = {"train": 0.7, "validation": 0.8, "calibration": 0.9, "test": 1.0}
"""Where on 0..1 each split ends."""
_PUBLISHED = {"train": 0.8, "validation": 0.9, "calibration": 1.0}

REPORTED = 5
"""Sets of near-duplicates that a report shows."""


@attrs.frozen
class Origin:
    """What decides the side of a record beside its text."""

    id: str
    source: str | None
    """The data set."""
    part: str | None
    """The publisher's split."""


@attrs.frozen
class Splits:
    """The split of every record, in the order of the records."""

    names: tuple[str, ...]
    """One of SPLITS, or "excluded"."""
    report: SplitReport


class PublishedParts:
    """Checks that all records of a data set have a publisher's split, or none."""

    def __init__(self) -> None:
        self._first: dict[str | None, Record] = {}

    def check(self, record: Record) -> None:
        """Look at one more record.

        Raises:
            DataError: Its split is unknown, or only some of the records of a data set have one.
        """
        if record.split is not None and record.split not in SPLITS:
            raise DataError(
                f"{record.where}: record '{record.id}' has the split {record.split!r}; expected one of "
                f"{', '.join(SPLITS)}, or none"
            )
        other = self._first.setdefault(record.source, record)
        if (record.split is None) != (other.split is None):
            without, having = (record, other) if record.split is None else (other, record)
            raise DataError(
                f"{without.where}: record '{without.id}' has no split, but record '{having.id}' ({having.where}) "
                f"has '{having.split}'; give all records of a data set a split or none"
            )


def assign_splits(
    origins: Sequence[Origin], clusters: NDArray[np.int64], seed: int, text: Callable[[int], str]
) -> Splits:
    """Divide records 70/10/10/10 into train, validation, calibration and test.

    A data set with a test part of its own keeps it; its training part is divided
    80/10/10, and records that are near-duplicates of its test records are
    excluded. A training part alone is divided like any other data. Of joined data
    sets each is divided by its own rule, and near-duplicates among them stay together. One that divides all of its
    records itself is left as it is.

    Args:
        origins: N, checked by PublishedParts.
        clusters: (N,), which records belong together, as merge_clusters numbers them.
        seed: Of the hash.
        text: Row to text, for the report.
    """
    divided = divided_sources(origins)
    published = frozenset(origin.source for origin in origins if origin.part == "test") - divided
    order = np.argsort(clusters, kind="stable")
    ends = np.flatnonzero(np.diff(clusters[order])) + 1
    names = [""] * len(origins)
    wanted: dict[str, float] = dict.fromkeys(SPLITS, 0.0)
    sets: list[list[int]] = []
    for part in np.split(order, ends):
        rows = [row for row in part.tolist() if origins[row].source not in divided]
        if not rows:
            continue
        kept = any(origins[row].source in published for row in rows)
        tested = any(origins[row].part == "test" for row in rows)
        rule = _PUBLISHED if kept else _OWN
        side = _side(min(origins[row].id for row in rows), seed, rule)
        for row in rows:
            names[row] = side if not tested else "test" if origins[row].part == "test" else EXCLUDED
        if tested:
            wanted["test"] += sum(origins[row].part == "test" for row in rows)
        else:
            for split, start, end in zip(rule, (0.0, *rule.values()), rule.values(), strict=False):
                wanted[split] += (end - start) * len(rows)
        if len(rows) > 1:
            sets.append(rows)
    for row, origin in enumerate(origins):
        if origin.source in divided:
            names[row] = str(origin.part)
            wanted[names[row]] += 1
    report = SplitReport(
        counts={name: names.count(name) for name in (*SPLITS, EXCLUDED)},
        wanted={name: round(number, 1) for name, number in wanted.items()},
        duplicate_clusters=len(sets),
        clustered_records=sum(map(len, sets)),
        largest_cluster=max(map(len, sets), default=0),
        published=bool(published),
        examples=tuple((ids[0], ids[1]) for ids in sorted(sorted(origins[r].id for r in rows) for rows in sets)[:5]),
        clusters=tuple(
            ClusterReport(
                records=len(rows),
                splits={
                    split: count for split in (*SPLITS, EXCLUDED) if (count := [names[r] for r in rows].count(split))
                },
                ids=tuple(origins[row].id for row in rows[:3]),
                example=shorten(text(rows[0])),
            )
            for rows in sorted(sets, key=len, reverse=True)[:REPORTED]
        ),
        divided=bool(divided),
    )
    return Splits(tuple(names), report)


def divided_sources(origins: Sequence[Origin]) -> frozenset[str | None]:
    """The data sets that divide all of their records themselves.

    Raises:
        DataError: One of them leaves a split without a record.
    """
    stated: dict[str | None, set[str | None]] = {}
    for origin in origins:
        stated.setdefault(origin.source, set()).add(origin.part)
    divided = {source: parts for source, parts in stated.items() if parts & {"validation", "calibration"}}
    for source, parts in divided.items():
        missing = [split for split in SPLITS if split not in parts]
        if missing:
            raise DataError(
                f"data set '{source}' divides its records itself and has none in {', '.join(missing)}; a data set that "
                f"names validation or calibration has to give records in all of {', '.join(SPLITS)}"
            )
    return frozenset(divided)


def _side(id_: str, seed: int, rule: Mapping[str, float]) -> str:
    digest = hashlib.sha256(f"{seed}:{id_}".encode()).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    return next((name for name, end in rule.items() if place < end), list(rule)[-1])
