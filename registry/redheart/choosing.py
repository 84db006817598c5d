"""Which cases a search, an export or a deletion is about, from plain values."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from redheart_core.contract.errors import DataError
from redheart_core.memory.filters import Filter, LabelCondition


def choose(
    *,
    ids: str | Iterable[str] = (),
    labels: str | Iterable[str] = (),
    languages: str | Iterable[str] = (),
    sources: str | Iterable[str] = (),
    since: str | date | None = None,
    before: str | date | None = None,
) -> Filter:
    """Which cases a search, an export or a deletion is about; all conditions have to hold.

    Args:
        ids: Any of these.
        labels: All of these: "FIELD" says that there is the field, "FIELD.LABEL" that it is above 0; or with ">=0.5"
            or "<=0.5" behind.
        languages: Any of these codes.
        sources: Any of these, such as names of data sets.
        since: A day or time in UTC; not older.
        before: Older.

    Raises:
        DataError: A condition is none.
    """
    return Filter(
        _all(ids),
        tuple(map(LabelCondition.parse, _all(labels))),
        _all(languages),
        _all(sources),
        _moment(since),
        _moment(before),
    )


def _all(given: str | Iterable[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _moment(given: str | date | None) -> datetime | None:
    if isinstance(given, str):
        try:
            given = datetime.fromisoformat(given)
        except ValueError as error:
            raise DataError(
                f"expects a day or time such as 2026-01-31 or 2026-01-31T12:00; got {given!r:.40}"
            ) from error
    if given is None or isinstance(given, datetime):
        return given
    return datetime(given.year, given.month, given.day)
