"""The [plugins.jsonl] and [plugins.csv] tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import attrs

from redheart_core import DataError
from redheart_core.data.language import stated

Entry = str | Mapping[str, str | float | tuple[str, ...] | Mapping[str, str]]
"""The column of a field's number, a table from label to column, or a table that declares a field."""

Columns = Mapping[str, Entry]
"""Field name to where its numbers stand and, for a field of one's own, what they are."""


def _is_code(_: object, attribute: attrs.Attribute[str | None], value: str | None) -> None:
    if value is None:
        return
    try:
        stated(value, attribute.name)
    except DataError as error:
        raise DataError(f"{error}; where a column holds it, name that by language_column") from error


@attrs.frozen
class JsonlSettings:
    """Where a file of JSON lines is and what its keys mean.

    A column is a key of the line's object. One that is no key as a whole is
    taken apart at its dots and reaches into nested objects: "scores.intensity".
    """

    path: Path | None = None
    """The file, *.jsonl or *.jsonl.gz; required for reading."""
    id: str = "id"
    """Column of the unique id (string or whole number); "" makes ids of file name and line number."""
    text: str = "text"
    """Column of the text."""
    split: str | None = None
    """Column that says "train" or "test"; without one redheart splits by itself."""
    language: str | None = attrs.field(default=None, validator=_is_code)
    """BCP 47 code of all texts, such as "en" or "ko"; with language_column of those of which it says nothing."""
    language_column: str | None = None
    """Column of the BCP 47 code of each text."""
    fields: Columns = attrs.field(factory=dict)
    """Field name to column, or to a table from label to column; for a field with labels, a
    single column has to hold names of labels, or an object from label to number. A field of one's own is a table that
    declares it."""


@attrs.frozen
class CsvSettings:
    """Where a CSV file is and what its columns mean; the first line names the columns."""

    path: Path | None = None
    """The file, UTF-8, *.csv or *.csv.gz; required for reading."""
    delimiter: str = attrs.field(
        default=",", validator=attrs.validators.and_(attrs.validators.min_len(1), attrs.validators.max_len(1))
    )
    """The one character between cells."""
    id: str = "id"
    """Column of the unique id; "" makes ids of file name and line number."""
    text: str = "text"
    """Column of the text."""
    split: str | None = None
    """Column that says "train" or "test"; without one redheart splits by itself."""
    language: str | None = attrs.field(default=None, validator=_is_code)
    """BCP 47 code of all texts, such as "en" or "ko"; with language_column of those of which it says nothing."""
    language_column: str | None = None
    """Column of the BCP 47 code of each text."""
    fields: Columns = attrs.field(factory=dict)
    """Field name to column, or to a table from label to column; for labels or votes, a single column has to hold names
    of labels. A field of one's own is a table that declares it."""
