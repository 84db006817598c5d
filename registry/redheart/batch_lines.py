"""A line of a file of answers for each text, as JSON or as a row of a table; help stands first, and no text is kept."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from redheart.analysis import Analysis
from redheart.analyzing import Refused, Text
from redheart.page import measured_elsewhere
from redheart.summary import is_unlike, stated_labels
from redheart_core.contract.errors import DataError
from redheart_core.contract.fields import Field

if TYPE_CHECKING:
    from redheart.models import Model
    from redheart_core.models.findings import Answer

FIRST = ("help", "line", "id", "language", "refused", "not_answered", "warnings")
"""Columns of a table before those of the answers."""


@attrs.frozen
class BatchForm:
    """How answers are written."""

    head: bytes
    """The first line; empty if there is none."""
    line: Callable[[int, Text | DataError, Analysis | Refused], bytes]
    """From number and contents of a line of the input, and what is said of it."""
    refused: Callable[[bytes], str]
    """Why the text of such a line was refused; empty if it was not."""


def batch_form(model: Model, output: Path, details: bool) -> BatchForm:
    """The form that an output's name says.

    Raises:
        DataError: It ends in neither .jsonl nor .csv.
    """
    if output.suffix == ".jsonl":
        return BatchForm(
            b"", lambda number, given, found: _json(batch_json(number, given, found, details=details)), _json_refused
        )
    if output.suffix == ".csv":
        columns = (*FIRST, *_columns(model, details))
        return BatchForm(
            _csv(columns),
            lambda number, given, found: _csv(_cells(columns, number, given, found, details)),
            _csv_refused,
        )
    raise DataError(f"{output}: answers go to a .jsonl or a .csv, got the ending '{output.suffix}'")


def batch_json(
    number: int | None, given: Text | DataError, found: Analysis | Refused, *, details: bool
) -> dict[str, Any]:
    """What is said of a text, after its line and id; what every single plugin says is there with details alone."""
    identity: dict[str, Any] = {} if number is None else {"line": number}
    if isinstance(given, Mapping) and "id" in given:
        identity["id"] = given["id"]
    said = found.to_json()
    if isinstance(found, Analysis) and not details:
        del said["findings"]
    first = {"help": said.pop("help")} if "help" in said else {}
    return {**first, **identity, **said}


def _json(line: Mapping[str, Any]) -> bytes:
    return json.dumps(line, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def _json_refused(line: bytes) -> str:
    return str(json.loads(line)["refused"]) if b'"refused": "' in line else ""


def _columns(model: Model, details: bool) -> Iterator[str]:
    """Of the answers, in the order of the fields: labels in words, values as numbers; with details every number."""
    for field in model.assembled.manifest.answers:
        about = model.assembled.fields[field]
        if _in_words(about):
            yield field
        for label in about.elements if details or not _in_words(about) else ():
            name = _name(field, label)
            yield from (name, f"{name}.low", f"{name}.high") if details else (name,)


def _in_words(about: Field) -> bool:
    """Whether labels say the answer."""
    return not about.axes and (about.binary or about.simplex or about.counts)


def _name(field: str, label: str) -> str:
    return field if label == field else f"{field}.{label}"


def _cells(
    columns: Sequence[str], number: int, given: Text | DataError, found: Analysis | Refused, details: bool
) -> list[str]:
    cells: dict[str, Any] = {"line": number, "id": given.get("id", "") if isinstance(given, Mapping) else ""}
    if found.help is not None:
        cells["help"] = " | ".join(found.help.lines())
    if isinstance(found, Refused):
        cells["refused"] = str(found.error)
    else:
        cells["language"] = found.language.code or ""
        because: dict[str, list[str]] = {}
        for one in found.abstentions:
            because.setdefault(one.reason, []).append(one.field)
        elsewhere = {
            f"measured on texts unlike this one ({', '.join(texts)})": fields
            for texts, fields in measured_elsewhere(found).items()
        }
        cells["not_answered"] = _named(because if details else because | elsewhere)
        cells["warnings"] = "; ".join((*found.warnings, *([_named(elsewhere)] if details and elsewhere else ())))
        for answer in found.answers:
            if details or not is_unlike(answer):
                cells |= _answer_cells(answer, details)
    return [_one_line(cells.get(name)) for name in columns]


def _named(because: Mapping[str, Sequence[str]]) -> str:
    """Fields, each with others of the same reason."""
    return "; ".join(f"{', '.join(fields)}: {reason}" for reason, fields in because.items())


def _answer_cells(answer: Answer, details: bool) -> Iterator[tuple[str, Any]]:
    if _in_words(answer.about):
        yield answer.field, "; ".join(stated_labels(answer))
    for value in answer.values if details or not _in_words(answer.about) else ():
        name = _name(answer.field, value.label)
        yield name, value.value
        if details:
            yield from ((f"{name}.low", value.low), (f"{name}.high", value.high))


def _one_line(cell: object) -> str:
    if cell is None:
        return ""
    return f"{cell:.6g}" if isinstance(cell, float) else " ".join(str(cell).split())


def _csv(cells: Sequence[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue().encode()


def _csv_refused(line: bytes) -> str:
    (cells,) = csv.reader([line.decode()])
    return cells[FIRST.index("refused")]
