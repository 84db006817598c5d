"""Texts, vectors and records on their way into a memory of cases; none with a sign of a crisis gets there."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from redheart.analyzing import stated_text
from redheart.crisis import CrisisError
from redheart.encoders import EncoderOfModel
from redheart_core.contract.errors import DataError
from redheart_core.memory.case import Case, make_case
from redheart_core.memory.vectors import Vector, text_vector
from redheart_core.storage.bad_rows import BadRows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from redheart_core.safety.help import Help

KEYS = ("id", "text", "labels", "language", "source", "licence")
"""Of a record to add."""


@attrs.frozen
class CaseMaker:
    """Makes cases by the encoder of a model."""

    encoder: EncoderOfModel
    named: bool
    """Whether the caller named the model, so that vectors that are given are by its encoder."""
    require_own: Callable[[], None]
    """Refuses an encoder that is not that of the memory."""

    def case_of(self, record: Mapping[str, Any], where: str, keep_text: bool) -> Case:
        """Of a record with KEYS; see case."""
        unknown = sorted(record.keys() - set(KEYS))
        if unknown:
            raise DataError(f"{where}: unknown keys {', '.join(unknown)} (known: {', '.join(KEYS)})")
        text, labels = stated_text(record, where), record.get("labels")
        if not isinstance(labels, dict | None):
            raise DataError(f"{where}: expects 'labels' as an object of numbers, got {labels!r:.60}")
        values = {name: record.get(name) for name in ("language", "source", "licence")}
        return self.case(text, where, keep_text, record.get("id"), {**values, "labels": labels or {}})

    def case(
        self, given: str | Vector, where: str, keep_text: bool, id_: str | None, values: Mapping[str, Any]
    ) -> Case:
        """Of a text or vector, with the other values of a case.

        Raises:
            CrisisError: The text has a sign of a crisis.
            DataError: A value is wrong.
        """
        vector = self.vector(given, where)
        described, text = dict(values), None
        if isinstance(given, str):
            from redheart_core.data.language import detect
            from redheart_core.data.text import check_text

            text = check_text(given, where)
            if described["language"] is None:
                described["language"] = detect(text).code
        kept = text if keep_text else None
        try:
            return make_case(id_ or uuid.uuid4().hex, vector, self.encoder.identity.width, text=kept, **described)
        except DataError as error:
            raise DataError(f"{where}: {error}") from error

    def vector(self, given: str | Vector, where: str) -> Vector:
        """The vector of what is kept.

        Raises:
            CrisisError: The text has a sign of a crisis.
            DataError: A vector was given without a model, or the text is refused.
        """
        if not isinstance(given, str):
            if not self.named:
                raise DataError(f"{where}: say which model's encoder made the vector, open(..., model=...)")
            return given
        read = self.encoder.safety.read(given)
        refuse(read.by_words(), where)
        vectors = self.encoded(given, where)
        refuse(read.by_vectors(vectors, self.encoder.identity), where)
        return text_vector(vectors)

    def encoded(self, text: str, where: str) -> NDArray[np.float32]:
        """(chunks, width) of a text."""
        self.require_own()
        return self.encoder.encode(text, where)


def refuse(found: Help | None, where: str) -> None:
    """Refuse a text with a sign of a crisis."""
    if found is not None:
        raise CrisisError(where, found)


def sound(
    records: Iterable[tuple[str, Mapping[str, Any] | DataError]], bad: BadRows
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Those that could be read."""
    for where, record in bad.passing(records):
        if isinstance(record, DataError):
            bad.add(record)
        else:
            yield where, record
