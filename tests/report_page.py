"""A report as tests read it."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

from redheart_core.exact.interval import Interval
from redheart_core.report.words import number


class Page(HTMLParser):
    """Tables by id as rows of cells, all text, and all attributes of all tags."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.text = ""
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._table: list[list[str]] | None = None
        self._cell = False
        self._skip = False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "table":
            self._table = self.tables.setdefault(dict(attrs)["id"] or "", [])
        elif tag == "tr" and self._table is not None:
            self._table.append([])
        elif tag in ("td", "th") and self._table is not None:
            self._table[-1].append("")
            self._cell = True
        elif tag == "span" and self._cell and self._table is not None:
            self._table[-1][-1] += " | "
        elif tag == "dd":
            self.text += " "
        self._skip = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        if tag == "table":
            self._table = None
        if tag in ("td", "th"):
            self._cell = False
        self._skip = False

    def handle_data(self, data: str) -> None:
        if self._cell and self._table is not None:
            self._table[-1][-1] += data
        if not self._skip:
            self.text += data

    def words(self) -> str:
        """All text with single spaces."""
        return " ".join(self.text.split())

    def row(self, table: str, *start: str) -> list[str]:
        """The cells behind the row that starts with these."""
        return next(row[len(start) :] for row in self.tables[table] if tuple(row[: len(start)]) == start)

    def column(self, table: str, title: str, *start: str) -> str:
        """A cell by the title of its column and the start of its row."""
        return [*start, *self.row(table, *start)][self.tables[table][0].index(title)]


def read(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


def with_interval(figure: Interval, write: Callable[[float | None], str] = number) -> str:
    """A figure as a cell shows it."""
    if figure.low is None or figure.high is None:
        return write(figure.value)
    return f"{write(figure.value)} | {write(figure.low)} to {write(figure.high)}"
