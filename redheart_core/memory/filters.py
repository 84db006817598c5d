"""Which cases a search, an export or a deletion is about, as conditions of SQL."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import attrs

from redheart_core.contract.errors import DataError
from redheart_core.memory.case import micros


@attrs.frozen
class LabelCondition:
    """What a case has to say of a label."""

    name: str
    """"FIELD.LABEL", or "FIELD"."""
    low: float = -math.inf
    high: float = math.inf
    positive: bool = False
    """The number is above 0."""

    @classmethod
    def parse(cls, text: str) -> LabelCondition:
        """From text: "FIELD" is there, "FIELD.LABEL" is above 0, or either with ">=NUMBER" or "<=NUMBER" behind.

        Raises:
            DataError: There is no name, or no number behind the sign.
        """
        name, sign, number = text.strip(), "", ""
        for one in (">=", "<="):
            if one in text:
                name, sign, number = (part.strip() for part in text.partition(one))
                break
        if not name:
            raise DataError(f"a label is given as FIELD, FIELD.LABEL, FIELD.LABEL>=0.5 or <=0.5, got {text!r:.60}")
        if not sign:
            return cls(name, positive="." in name)
        try:
            bound = float(number)
        except ValueError:
            bound = math.nan
        if not math.isfinite(bound):
            raise DataError(f"the label '{name}' expects a number behind {sign}, got {number!r:.40}")
        return cls(name, low=bound) if sign == ">=" else cls(name, high=bound)


@attrs.frozen
class Dialect:
    """How a database writes a condition."""

    mark: str
    """Stands for a value."""
    among: str
    """Whether a column is one of many values, which are one parameter."""
    pack: Callable[[Sequence[object]], object]
    """Many values as one parameter."""


SQLITE = Dialect("?", "IN (SELECT value FROM json_each(?))", lambda values: json.dumps(list(values)))
POSTGRES = Dialect("%s", "= ANY(%s)", list)


@attrs.frozen
class Filter:
    """All of its conditions hold for a case; without any, every case is chosen."""

    ids: tuple[str, ...] = ()
    labels: tuple[LabelCondition, ...] = ()
    languages: tuple[str, ...] = ()
    """ISO 639 codes."""
    sources: tuple[str, ...] = ()
    since: datetime | None = None
    """Not older than this."""
    before: datetime | None = None
    """Older than this."""

    def __bool__(self) -> bool:
        """Whether there is a condition."""
        return self != Filter()

    def sql(self, dialect: Dialect) -> tuple[str, list[Any]]:
        """The condition on the table "cases", and its values; for all cases of a memory."""
        parts, values = self._of_cases(dialect)
        for label in self.labels:
            condition, numbers = _label(label, dialect.mark)
            parts.append(f"cases.key IN (SELECT labels.key FROM labels WHERE {condition})")
            values += numbers
        return " AND ".join(parts) or "TRUE", values

    def sql_of_few(self, dialect: Dialect) -> tuple[str, list[Any]]:
        """The same condition for a few cases: each case's own labels are looked at, in place of all that fit."""
        parts, values = self._of_cases(dialect)
        for label in self.labels:
            condition, numbers = _label(label, dialect.mark)
            parts.append(f"EXISTS (SELECT 1 FROM labels WHERE labels.key = cases.key AND {condition})")
            values += numbers
        return " AND ".join(parts) or "TRUE", values

    def _of_cases(self, dialect: Dialect) -> tuple[list[str], list[Any]]:
        """The conditions on what is in the table "cases" itself."""
        parts: list[str] = []
        values: list[Any] = []
        for column, wanted in (("id", self.ids), ("language", self.languages), ("source", self.sources)):
            if wanted:
                parts.append(f"cases.{column} {dialect.among}")
                values.append(dialect.pack(wanted))
        for time, sign in ((self.since, ">="), (self.before, "<")):
            if time is not None:
                parts.append(f"cases.time {sign} {dialect.mark}")
                values.append(micros(time))
        return parts, values


def _label(label: LabelCondition, mark: str) -> tuple[str, list[Any]]:
    if "." in label.name:
        condition, values = f"labels.name = {mark}", [label.name]
    else:  # the field itself, or any of its labels; "/" comes behind "."
        condition = f"(labels.name = {mark} OR (labels.name >= {mark} AND labels.name < {mark}))"
        values = [label.name, label.name + ".", label.name + "/"]
    bounds: list[Any] = []
    if label.positive:
        condition += " AND labels.number > 0"
    if label.low > -math.inf:
        condition += f" AND labels.number >= {mark}"
        bounds.append(label.low)
    if label.high < math.inf:
        condition += f" AND labels.number <= {mark}"
        bounds.append(label.high)
    return condition, [*values, *bounds]


EVERY = Filter()
"""Chooses every case."""
