"""Times of rows as numbers: ISO 8601, seconds since 1970, or any numbers."""

from __future__ import annotations

import math
import re
from calendar import monthrange
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
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
DAY = 86400


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

    @property
    def kind(self) -> Kind | None:
        """Of all times; None before the first."""
        return self._kind

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

    def following(self, times: Sequence[float], step: float, count: int) -> list[float]:
        """The times that come after some, as read gives them.

        Where all stand at the same day of the month and the same time of day, whole months apart, the next ones do too;
        others are a step apart, of whole days by the clock of the zone.

        Args:
            times: Ascending, at least one.
            step: Of numbers, or in seconds.
            count: How many.
        """
        if self._kind == "number":
            return [times[-1] + number * step for number in range(1, count + 1)]
        walls = [self._wall(time) for time in times]
        months = _months_apart(walls)
        if months:
            return [self._time(_later(walls[-1], months * number)) for number in range(1, count + 1)]
        if step % DAY:
            return [times[-1] + number * step for number in range(1, count + 1)]
        return [self._time(walls[-1] + timedelta(seconds=number * step)) for number in range(1, count + 1)]

    def _wall(self, number: float) -> datetime:
        """What the clock shows."""
        if self._kind == "local" and self._place is not None:
            return datetime.fromtimestamp(number, self._place).replace(tzinfo=None)
        return _EPOCH + timedelta(seconds=number)

    def _time(self, wall: datetime) -> float:
        """When it shows that; the first time where it does twice."""
        if self._kind == "local" and self._place is not None:
            return wall.replace(tzinfo=self._place).timestamp()
        return (wall - _EPOCH).total_seconds()

    def say(self, number: float) -> str:
        """A time for people."""
        if self._kind == "number" or self._kind is None:
            return f"{number:g}" if number != round(number) else f"{number:.0f}"
        moment = _EPOCH + timedelta(seconds=number)
        text = moment.date().isoformat() if number % DAY == 0 else moment.isoformat()
        return f"{text}Z" if self._kind == "offset" or self._place is not None else text


def _months_apart(walls: Sequence[datetime]) -> int:
    """By how many months each of some times is later than the one before; 0 if they are not whole months apart."""
    counts = {_month(second) - _month(first) for first, second in pairwise(walls)}
    if len(counts) != 1 or 0 in counts or len({wall.time() for wall in walls}) > 1:
        return 0
    (apart,) = counts
    regular = all(_later(walls[0], number * apart) == wall for number, wall in enumerate(walls))
    return apart if regular else 0


def _month(wall: datetime) -> int:
    return wall.year * 12 + wall.month - 1


def _later(wall: datetime, months: int) -> datetime:
    """Months later, at the same day; the last one of a month stays the last one."""
    year, month = divmod(_month(wall) + months, 12)
    last = monthrange(year, month + 1)[1]
    whole = wall.day == monthrange(wall.year, wall.month)[1]
    return wall.replace(year=year, month=month + 1, day=last if whole else min(wall.day, last))
