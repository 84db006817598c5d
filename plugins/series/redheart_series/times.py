"""Times of rows as numbers: ISO 8601, seconds since 1970, or any numbers."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import attrs

from redheart_core import DataError

Kind = Literal["number", "local", "offset"]
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?")
_NAMES: dict[Kind, str] = {
    "number": "a number",
    "local": "a time without an offset",
    "offset": "a time with an offset",
}
_EPOCH = datetime(1970, 1, 1)


@attrs.define
class TimeReader:
    """Reads the times of all rows, which have to be of one kind.

    Args:
        column: Names it in messages.
        zone: Where times without an offset are from; empty if not known.
    """

    column: str
    zone: str = ""
    _kind: Kind | None = attrs.field(default=None, init=False)
    _first: str = attrs.field(default="", init=False)
    _place: ZoneInfo | None = attrs.field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        if self.zone:
            try:
                self._place = ZoneInfo(self.zone)
            except (ZoneInfoNotFoundError, ValueError, OSError) as error:
                raise DataError(
                    f'series.zone = "{self.zone}" is no time zone of this system; give a name such as "Europe/Berlin", '
                    "or leave it out"
                ) from error

    def read(self, value: object, where: str) -> float:
        """Seconds since 1970, of local times as if they were UTC; or the number itself.

        Raises:
            DataError: No time, one of another kind than those before, or one that the clock of the zone skips or
                repeats.
        """
        kind, number, moment = self._parse(value, where)
        self._require(kind, where)
        if moment is None:
            return number
        if kind == "offset":
            return moment.timestamp()
        if self._place is None:
            return (moment - _EPOCH).total_seconds()
        return self._in_zone(moment, where)

    def _parse(self, value: object, where: str) -> tuple[Kind, float, datetime | None]:
        if isinstance(value, datetime):
            return ("local" if value.tzinfo is None else "offset"), 0.0, value
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return "number", float(value), None
        text = str(value).strip() if value is not None else ""
        if not text:
            raise DataError(f"{where}, column '{self.column}': the time is missing; every row needs one")
        if _NUMBER.fullmatch(text):
            return "number", float(text), None
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise DataError(
                f"{where}, column '{self.column}': no time: {text!r:.60}; write it as 2024-03-31 or "
                "2024-03-31T02:00:00+01:00 (ISO 8601), or as a number"
            ) from error
        return ("local" if moment.tzinfo is None else "offset"), 0.0, moment

    def _require(self, kind: Kind, where: str) -> None:
        if self._kind is None:
            self._kind, self._first = kind, where
        elif kind != self._kind:
            raise DataError(
                f"{where}, column '{self.column}': {_NAMES[kind]}, but {self._first} has {_NAMES[self._kind]}; "
                "give all times in one form, best with an offset (+00:00) each"
            )

    def _in_zone(self, moment: datetime, where: str) -> float:
        assert self._place is not None
        first, second = (moment.replace(tzinfo=self._place, fold=fold) for fold in (0, 1))
        offsets = first.utcoffset(), second.utcoffset()
        if offsets[0] != offsets[1]:
            back = first.astimezone(UTC).astimezone(self._place).replace(tzinfo=None)
            happens = "is skipped" if back != moment else "comes twice"
            raise DataError(
                f"{where}, column '{self.column}': {moment.isoformat(sep=' ')} {happens} when the clocks of "
                f"{self.zone} change; give times with an offset, such as 2024-03-31T01:00:00+01:00"
            )
        return first.timestamp()

    def say(self, number: float) -> str:
        """A time for people."""
        if self._kind == "number" or self._kind is None:
            return f"{number:g}" if number != round(number) else f"{number:.0f}"
        moment = _EPOCH + timedelta(seconds=number)
        text = moment.date().isoformat() if number % 86400 == 0 else moment.isoformat()
        return f"{text}Z" if self._kind == "offset" or self._place is not None else text
