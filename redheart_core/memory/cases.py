"""The one interface of a memory of cases, whatever keeps it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Protocol, Self

import attrs
import numpy as np
from attrs.validators import ge, gt, instance_of, le, optional
from numpy.typing import NDArray

from redheart_core.contract.errors import CaseMemoryError, DataError
from redheart_core.data.identity import EncoderIdentity
from redheart_core.memory.case import Case, Neighbour, from_micros
from redheart_core.memory.filters import EVERY, Filter
from redheart_core.memory.vectors import Vector, distances
from redheart_core.storage.structuring import structure, unstructure

FORMAT = 1
"""Of the tables."""
MOST_NEIGHBOURS = 1000
MOST_DAYS = 36_500.0
"""Of a retention; a longer one is none."""


class MissingMemoryError(CaseMemoryError):
    """There is no memory of cases where one is looked for."""

    def __init__(self, where: str) -> None:
        super().__init__(f"there is no memory of cases in {where}; redheart memory add or load makes one")


@attrs.frozen
class Retention:
    """How long cases are kept, and how many; what is beyond is deleted when a memory is opened or cases are added."""

    days: float | None = attrs.field(default=None, validator=optional([gt(0.0), le(MOST_DAYS)]))
    cases: int | None = attrs.field(default=None, validator=optional([instance_of(int), ge(1)]))


class Cases(Protocol):
    """Cases of one encoder. What is added is there whole or not at all, whatever stops the process."""

    @property
    def where(self) -> str:
        """File or address without its password, for messages."""

    @property
    def identity(self) -> EncoderIdentity:
        """Of the encoder that made the vectors."""

    @property
    def retention(self) -> Retention:
        """What retain has set."""

    def __len__(self) -> int: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def add(self, cases: Sequence[Case]) -> None:
        """Add all of some cases, or none.

        Raises:
            DataError: An id is there already, or twice; or a vector has another width.
            CaseMemoryError: The memory cannot be written; nothing has been added.
        """

    def known(self, ids: Sequence[str]) -> frozenset[str]:
        """Which of some ids are there."""

    def nearest(self, vector: Vector, k: int = 10, chosen: Filter = EVERY, *, exact: bool = False) -> list[Neighbour]:
        """The nearest cases, the nearest first, of equals the one that was added first.

        Args:
            vector: Of the memory's encoder.
            k: At most so many.
            chosen: Cases that count.
            exact: Compare with every case, instead of following a graph of neighbours.

        Raises:
            DataError: The vector is none of the encoder's, or k is out of range.
        """

    def cases(self, chosen: Filter = EVERY) -> Iterator[Case]:
        """Cases in the order in which they were added."""

    def delete(self, chosen: Filter) -> int:
        """Delete cases, so that the memory's files hold none of their bytes; returns how many.

        Raises:
            CaseMemoryError: The bytes cannot be removed now; the next one who opens the memory tries again.
        """

    def retain(self, retention: Retention) -> int:
        """Set how long cases are kept, and delete those beyond it; returns how many."""

    def verify(self) -> int:
        """Read everything and compare it with its seals; returns the number of cases.

        Raises:
            CaseMemoryError: Something is damaged.
        """

    def close(self) -> None:
        """Let go of the file or connection."""


def check_k(k: int) -> None:
    """Refuse a number of neighbours out of range.

    Raises:
        DataError: It is not in 1..MOST_NEIGHBOURS.
    """
    if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= MOST_NEIGHBOURS:
        raise DataError(f"the number of cases to find has to lie in 1..{MOST_NEIGHBOURS}, got {k!r:.40}")


def check_new(cases: Sequence[Case], width: int) -> None:
    """Refuse cases that cannot be added together.

    Raises:
        DataError: An id stands twice, or a vector has another width.
    """
    seen: set[str] = set()
    for case in cases:
        if case.id in seen:
            raise DataError(f"the id '{case.id}' stands twice among the cases to add")
        if case.vector.shape != (width,):
            raise DataError(f"case '{case.id}': the vector has {len(case.vector)} numbers, the encoder's have {width}")
        seen.add(case.id)


def nearest_places(
    query: NDArray[np.float32], keys: Sequence[int], vectors: NDArray[np.float32], k: int
) -> list[tuple[int, float]]:
    """The k nearest of some candidates with their distances; of equals the one with the lowest key."""
    found = distances(query, vectors)
    order = sorted(range(len(keys)), key=lambda place: (found[place], keys[place]))[:k]
    return [(keys[place], float(found[place])) for place in order]


def read_case(row: Mapping[str, Any], labels: Mapping[str, float], where: str) -> Case:
    """A case from its row, compared with its seal.

    Raises:
        CaseMemoryError: It is damaged.
    """
    case = Case(
        row["id"],
        np.frombuffer(row["vector"], "<f4"),
        labels,
        row["language"],
        row["source"],
        row["licence"],
        from_micros(row["time"]),
        row["text"],
    )
    if case.seal() != bytes(row["seal"]):
        raise damaged(where, f"the case '{case.id}' and its seal disagree")
    return case


def damaged(where: str, what: str) -> CaseMemoryError:
    """The error for a memory whose contents are not what was written."""
    return CaseMemoryError(f"{where} is damaged: {what}; restore it from a copy, or delete it and load the cases again")


def other_format(where: str, found: object) -> CaseMemoryError:
    """The error for a memory that another version wrote."""
    return CaseMemoryError(
        f"{where} is a memory of format {found}, expected is format {FORMAT}, which this version reads; export it with "
        "the version that made it, and add the cases to a new one"
    )


def to_text(value: object) -> str:
    """A value of an attrs class as one line of canonical JSON."""
    return json.dumps(unstructure(value), ensure_ascii=False, sort_keys=True)


def identity_from(text: str, where: str) -> EncoderIdentity:
    """What to_text made of an identity."""
    return structure(json.loads(text), EncoderIdentity, where, CaseMemoryError)


def retention_from(text: str, where: str) -> Retention:
    """What to_text made of a retention."""
    return structure(json.loads(text), Retention, where, CaseMemoryError)


def require_identity(own: EncoderIdentity, other: EncoderIdentity, where: str) -> None:
    """Refuse vectors of another encoder.

    Raises:
        CaseMemoryError: Names every difference.
    """
    if own != other:
        raise CaseMemoryError(
            f"{where} has vectors of the encoder '{own.label}', these are of '{other.label}': "
            f"{own.differences(other)}; name a model with that encoder, or another memory"
        )


def older_than(retention: Retention, now: datetime) -> Filter:
    """Cases beyond the age of a retention that has one."""
    assert retention.days is not None
    return Filter(before=now - timedelta(days=retention.days))
