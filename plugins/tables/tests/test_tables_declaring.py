"""Fields of a user's own in a table: what a declaration makes, and what is refused."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from redheart_core import CATALOGUE, DataError, Field
from redheart_core.storage.settings import as_table, read_table
from redheart_tables import redheart_provide_datasets
from redheart_tables.settings import Columns, CsvSettings, JsonlSettings

JSONL, CSV = redheart_provide_datasets()


def declared(name: str, objects: bool = False, **table: Any) -> Field:
    """The field of a declaration in the table of csv, or of jsonl."""
    spec, cls = (JSONL, JsonlSettings) if objects else (CSV, CsvSettings)
    (field,) = spec.fields(cls(fields={name: table}))
    return field


def test_values_have_their_own_range_unit_and_meaning() -> None:
    assert declared("delay", column="d", low=-3, high=9.5, unit="days", meaning="how late") == Field(
        "delay", "how late", -3.0, 9.5, "days"
    )
    assert declared("mood", columns={"up": "u", "down": "d"}, low=0, high=1).labels == ("up", "down")


@pytest.mark.parametrize(
    ("kind", "attribute", "high", "unit"),
    [("labels", "binary", 1.0, "1"), ("distribution", "simplex", 1.0, "1"), ("votes", "counts", 1e9, "votes")],
)
def test_each_kind_of_labels_has_its_range(kind: str, attribute: str, high: float, unit: str) -> None:
    field = declared("topic", kind=kind, columns={"a": "1", "b": "2"}, labels=("b", "a"))
    assert (field.low, field.high, field.unit, field.labels) == (0.0, high, unit, ("b", "a"))
    assert [name for name in ("binary", "simplex", "counts") if getattr(field, name)] == [attribute]


def test_jsonl_takes_a_column_of_objects_with_declared_labels(tmp_path: Path) -> None:
    table: Columns = {"topic": {"column": "t.all", "kind": "labels", "labels": ("a", "b")}}
    path = tmp_path / "my.jsonl"
    path.write_text('{"id": "x", "text": "y", "t": {"all": {"a": 1, "b": 0}}}')
    (record,) = JSONL.records(JsonlSettings(path=path, fields=table))
    assert record.values == {"topic": {"a": 1, "b": 0}}


def test_own_fields_come_after_those_of_the_catalogue_by_name_and_are_compared_in_nfc(tmp_path: Path) -> None:
    path = tmp_path / "my.csv"
    path.write_text("id,text,r,é,z\nx,y,0.5,3,1\n", encoding="utf-8")
    number = {"low": 0, "high": 9}
    nfd = unicodedata.normalize("NFD", "é")
    settings = CsvSettings(
        path=path, fields={"zest": {"column": "z", **number}, nfd: {"column": nfd, **number}, "regret": "r"}
    )
    assert [field.name for field in CSV.fields(settings)] == ["regret", "zest", "é"]
    (record,) = CSV.records(settings)
    assert record.values == {"regret": 0.5, "zest": 1.0, "é": 3.0}


def test_a_field_of_the_catalogue_may_be_written_as_a_table_that_does_not_change_it() -> None:
    assert declared("regret", column="r", low=0, high=1, kind="values") == CATALOGUE["regret"]
    assert declared("bentham", columns={"duration": "d"}).labels == ("duration",)


NUMBER = {"column": "c", "low": 0, "high": 1}
WRONG: list[tuple[str, Mapping[str, Any], str]] = [
    (
        "topic",
        {"a": "c"},
        r"fields\] has no field topic .*to declare it, write a table \[plugins.csv.fields.topic\]",
    ),
    (
        "regret",
        {**NUMBER, "unit": "tears"},
        r"regret\]: 'regret' is a field that redheart knows, with unit = '1'",
    ),
    (
        "regret",
        {**NUMBER, "high": 2},
        r"with high = 1.0 instead of 2; leave high out, or name your own field",
    ),
    ("vad", {"columns": {"valence": "v"}, "kind": "labels"}, "with kind = 'values' instead of 'labels'"),
    ("topic", {"column": "c"}, r"topic\] has no low; give the range of its values"),
    ("topic", {"column": "c", "low": 0}, r"topic\] has no high"),
    ("topic", {"column": "c", "low": 1, "high": 1}, "low has to be below high, got low = 1, high = 1"),
    ("topic", {**NUMBER, "range": 3}, r"topic\] has no key 'range' \(keys: column, columns, kind, labels, low"),
    ("topic", {**NUMBER, "columns": {"a": "c"}}, "give column or columns, not both"),
    ("topic", {**NUMBER, "kind": "votes?"}, r"kind expects one of values, labels, distribution, votes, got 'votes\?'"),
    ("topic", {**NUMBER, "low": "zero"}, "low expects a number, got 'zero'"),
    ("topic", {**NUMBER, "unit": 3}, "unit expects text, got 3"),
    ("topic", {"columns": "c"}, "columns expects a table from label to column"),
    ("topic", {**NUMBER, "labels": "a"}, "labels expects a list of names"),
    (
        "topic",
        {"columns": {"a": "c"}, "kind": "labels", "low": 0},
        'low and high belong to kind = "values"',
    ),
    ("topic", {"columns": {"a": "c"}, "kind": "distribution"}, 'kind = "distribution" needs at least 2 labels, got 1'),
    ("topic", {"column": "c", "kind": "labels"}, 'kind = "labels" needs at least 1 labels, got 0; give columns'),
    ("topic", {"columns": {}, "low": 0, "high": 1}, "needs at least 1 labels, got 0"),
    ("topic", {"columns": {"a": "c"}, "labels": ("a", "b"), "kind": "labels"}, "labels are a, b, columns has a"),
    ("topic", {"column": "c", "labels": ("a", "a"), "kind": "labels"}, "different names, got a, a"),
    (
        "topic",
        {"column": "c", "labels": ("a", "b"), "low": 0, "high": 1},
        "labels a, b, and a cell holds one number",
    ),
    ("topic", {"columns": {"a": 3}, "kind": "labels"}, "expects the name of a column for each label, got a = 3"),
    ("my field", NUMBER, "name is one word of letters, digits and underscores"),
    ("terms", NUMBER, "cannot be named 'terms'; .* and not embedding, terms, tokens, mask"),
    ("mood_logits", NUMBER, "does not end in _logits"),
]


@pytest.mark.parametrize(("name", "table", "message"), WRONG)
def test_a_wrong_declaration_is_refused_by_field_and_key(name: str, table: Mapping[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        CSV.fields(CsvSettings(fields={name: table}))
    assert str(caught.value).startswith("[plugins.csv.fields")
    assert name in str(caught.value)


def test_declarations_are_settings_that_toml_gives_and_takes_back() -> None:
    table = {"fields": {"topic": {"columns": {"a": "c"}, "kind": "labels", "labels": ["a"]}, "delay": dict(NUMBER)}}
    settings = read_table(CsvSettings, table, "[plugins.csv]")
    assert read_table(CsvSettings, as_table(settings), "[plugins.csv]") == settings
    assert {field.name for field in CSV.fields(settings)} == {"topic", "delay"}
