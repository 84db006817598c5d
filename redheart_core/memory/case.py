"""A case: the vector of a text, what people or a data set said of it, and where it is from."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from redheart_core.contract.errors import DataError
from redheart_core.data.language import stated
from redheart_core.memory.vectors import Vector, unit

MOST_NAME_CHARS = 500
"""Of an id, a label, a source or a licence."""
_REFUSED = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@attrs.frozen(eq=False)
class Case:
    """A case as the memory keeps it."""

    id: str
    """Unique within the memory."""
    vector: NDArray[np.float32]
    """(D,), of length 1."""
    labels: Mapping[str, float]
    """"FIELD.LABEL", or "FIELD" of a field without labels, to its number; of votes how many chose the label."""
    language: str | None
    """ISO 639, such as "en"; None if nobody says it."""
    source: str | None
    """Who or what the case is from, such as a data set."""
    licence: str | None
    """SPDX expression; None if it is not stated."""
    time: datetime
    """When it was kept, in UTC."""
    text: str | None = None
    """Only where keeping it was asked for."""

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {**self._described(), "time": self.time.isoformat(), "vector": [float(one) for one in self.vector]}

    def seal(self) -> bytes:
        """A digest over all that the case holds, so that no changed bit goes unnoticed."""
        described = json.dumps([self._described(), micros(self.time)], ensure_ascii=False, sort_keys=True)
        digest = hashlib.blake2b(described.encode(), digest_size=16)
        digest.update(self.vector.tobytes())
        return digest.digest()

    def _described(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "labels": dict(sorted(self.labels.items())),
            "language": self.language,
            "source": self.source,
            "licence": self.licence,
            "text": self.text,
        }


@attrs.frozen(eq=False)
class Neighbour:
    """A case near another text."""

    case: Case
    distance: float
    """Cosine distance, 0..2: 0 of the same direction, 1 of unrelated ones."""

    def to_json(self) -> dict[str, Any]:
        """As JSON values, without the vector."""
        described = {name: value for name, value in self.case.to_json().items() if name != "vector"}
        return {"distance": self.distance, **described}


def make_case(
    id: str,
    vector: Vector,
    width: int,
    *,
    labels: Mapping[str, float],
    language: str | None = None,
    source: str | None = None,
    licence: str | None = None,
    time: datetime | None = None,
    text: str | None = None,
) -> Case:
    """A checked case.

    Args:
        id: Unique within the memory.
        vector: Scaled to length 1.
        width: Of the encoder.
        labels: Name to number.
        language: BCP 47 code.
        source: Who or what it is from.
        licence: SPDX expression.
        time: Now if left out; without a zone, in UTC.
        text: In NFC; None keeps no text.

    Raises:
        DataError: A value is not what it has to be; names it and the case.
    """
    where = f"case {id!r:.60}"
    for name, value in (("id", id), ("source", source), ("licence", licence)):
        if value is not None:
            _check_name(value, name, where)
    for name, number in labels.items():
        _check_name(name, "label", where)
        if isinstance(number, bool) or not isinstance(number, int | float) or not abs(number) <= sys.float_info.max:
            raise DataError(f"{where}: the label '{name}' expects a finite number, got {number!r:.40}")
    return Case(
        id,
        unit(vector, width, where),
        {name: float(number) + 0.0 for name, number in labels.items()},  # SQLite knows no -0
        None if language is None else stated(language, where).code,
        source,
        licence,
        in_utc(time if time is not None else datetime.now(UTC)),
        text,
    )


def in_utc(time: datetime) -> datetime:
    """A time in UTC; one without a zone is taken for that."""
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def micros(time: datetime) -> int:
    """Microseconds since 1970."""
    passed = in_utc(time) - _EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds


def from_micros(number: int) -> datetime:
    """The time so many microseconds after 1970."""
    return datetime.fromtimestamp(number // 1_000_000, UTC).replace(microsecond=number % 1_000_000)


def _check_name(value: object, name: str, where: str) -> None:
    if not isinstance(value, str) or not value.strip() or len(value) > MOST_NAME_CHARS or _REFUSED.search(value):
        raise DataError(
            f"{where}: the {name} has to be text of 1 to {MOST_NAME_CHARS} characters on one line, got {value!r:.60}"
        )


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
