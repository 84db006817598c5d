"""Plain text for people, JSON for programs."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from redheart_cli.streams import to_json

if TYPE_CHECKING:
    from redheart_core.exact.interval import Interval


def print_json(value: Any) -> None:
    """One JSON document on stdout; refuses numbers that JSON does not know."""
    click.echo(to_json(value, indent=2))


def print_table(header: Sequence[str], rows: Sequence[Sequence[object]], indent: str = "") -> None:
    """Columns of text, two spaces apart, with nothing behind the last one."""
    lines = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(_width(line[column]) for line in lines) for column in range(len(header))]
    for row in lines:
        cells = [cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)]
        click.echo((indent + "  ".join(cells)).rstrip())


def _width(text: str) -> int:
    """Columns of a terminal; Korean letters take two."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def bounds(low: float | None, high: float | None) -> str:
    """A range for people: 0..1, or the side that has a bound."""
    if low is None and high is None:
        return "any"
    return f"{'-inf' if low is None else f'{low:g}'}..{'inf' if high is None else f'{high:g}'}"


def figure(value: float | None, style: str = ".4f") -> str:
    """A number, or a dash for what is undefined."""
    return "-" if value is None else format(value, style)


def with_interval(found: Interval, style: str) -> str:
    """A number with its interval, if it has one."""
    if found.low is None or found.high is None:
        return figure(found.value, style)
    return f"{figure(found.value, style)} [{found.low:{style}}, {found.high:{style}}]"


def duration(seconds: float) -> str:
    """Hours, minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
