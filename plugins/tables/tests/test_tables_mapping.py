"""What the column mapping of `jsonl` and `csv` makes of fields."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from redheart_core import CATALOGUE, DataError
from redheart_tables import redheart_provide_datasets
from redheart_tables.settings import Columns, CsvSettings, JsonlSettings

JSONL, CSV = redheart_provide_datasets()
EMOTION = {label: f"e_{label}" for label in CATALOGUE["emotion"].labels}


def test_the_package_offers_two_data_sets() -> None:
    assert (JSONL.name, CSV.name) == ("jsonl", "csv")


@pytest.mark.parametrize(("spec", "settings"), [(JSONL, JsonlSettings), (CSV, CsvSettings)])
def test_fields_have_exactly_the_mapped_labels_in_the_order_of_the_catalogue(
    spec: object, settings: type[JsonlSettings] | type[CsvSettings]
) -> None:
    mapping: Columns = {"bentham": {"duration": "d", "intensity": "i"}, "regret": "r", "emotion": EMOTION}
    fields = (JSONL if spec is JSONL else CSV).fields(settings(fields=mapping))
    assert [(field.name, field.labels) for field in fields] == [
        ("emotion", CATALOGUE["emotion"].labels),
        ("regret", ()),
        ("bentham", ("intensity", "duration")),
    ]


def test_one_column_of_objects_maps_all_labels() -> None:
    assert JSONL.fields(JsonlSettings(fields={"bentham": "scores"})) == (CATALOGUE["bentham"],)


WRONG: list[tuple[Mapping[str, str | Mapping[str, str]], str]] = [
    ({}, r"\.fields\] is empty; name the column of at least one field"),
    ({"sorrow": "s"}, r"\.fields\] has no field sorrow \(fields: act_max_regret, .*bentham, .*votes\)"),
    ({"bentham": {"depth": "d"}}, r"\.fields\] field 'bentham' has the labels intensity, .*; got depth"),
    ({"emotion": {"joy": "j"}}, r"\.fields\] field 'emotion' sums to one over all of joy, .*; name all of them"),
    ({"regret": {"joy": "j"}}, r"\.fields\] regret is a single number; give one column"),
]


@pytest.mark.parametrize(("mapping", "message"), WRONG)
def test_a_wrong_mapping_is_refused_with_the_known_names(mapping: Columns, message: str) -> None:
    with pytest.raises(DataError, match=r"\[plugins\.jsonl" + message):
        JSONL.fields(JsonlSettings(fields=mapping))
    with pytest.raises(DataError, match=r"\[plugins\.csv" + message):
        CSV.fields(CsvSettings(fields=mapping))


def test_a_csv_cell_cannot_hold_all_labels() -> None:
    with pytest.raises(DataError, match=r"\[plugins\.csv\.fields\] bentham has the labels intensity, .*; give a table"):
        CSV.fields(CsvSettings(fields={"bentham": "scores"}))


@pytest.mark.parametrize("delimiter", ["", ";;"])
def test_a_delimiter_is_one_character(delimiter: str) -> None:
    with pytest.raises(ValueError, match="delimiter"):
        CsvSettings(delimiter=delimiter)


def test_without_a_path_the_message_says_how_to_give_it() -> None:
    with pytest.raises(DataError, match=r'path = "\.\.\." under \[plugins\.jsonl\].*--set jsonl\.path='):
        next(JSONL.records(JsonlSettings(fields={"regret": "r"})))
    with pytest.raises(DataError, match=r'path = "\.\.\." under \[plugins\.csv\].*--set csv\.path='):
        next(CSV.records(CsvSettings(fields={"regret": "r"})))
