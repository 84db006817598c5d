"""Looking at data: planted defects are found, and clean data has none."""

from __future__ import annotations

import json
from collections.abc import Callable

import attrs
import numpy as np
import pytest
from made_up_data import FIELDS, Values, changed, clean, field, look, only, unit
from toy import Toy

from redheart_core.inspection.data_warnings import duplicate_warnings
from redheart_core.inspection.inspect import find_duplicates, inspect_store


def test_clean_data_has_no_warnings(toy: Toy) -> None:
    _, found = look(toy, clean())
    assert found.warnings == ()
    assert found.duplicates.sets == 0
    assert {one.name: one.kind for one in found.fields} == {
        "regret": "values",
        "choice_factors": "values",
        "kinds": "labels",
        "votes": "votes",
        "feeling": "distribution",
    }


def test_the_same_store_gives_the_same_inspection(toy: Toy) -> None:
    store, found = look(toy, clean(200))
    assert inspect_store(store) == found
    assert json.loads(json.dumps(found.to_json(), allow_nan=False)) == found.to_json()


def test_a_constant_field_and_a_constant_label_are_named(toy: Toy) -> None:
    def plant(index: int, values: Values) -> Values:
        return {"flat": 0.5, "choice_factors": {**values["choice_factors"], "risk": 0.25}}

    _, found = look(toy, changed(clean(), plant), unit("flat"))
    said = {warning.field: warning.what for warning in found.warnings}
    assert said == {"choice_factors": "constant in train: risk", "flat": "constant in train: flat"}
    assert field(found, "flat").baselines_note == "none: constant on validation"
    assert field(found, "choice_factors").baselines_note == "without risk, constant on validation"


def test_a_label_that_a_split_lacks_is_named(toy: Toy) -> None:
    records = clean()
    store = toy.store(records, "first", FIELDS)
    outside = {store.ids[row] for split in ("validation", "test") for row in store.rows(split).tolist()}

    def plant(index: int, values: Values) -> Values:
        return {"kinds": {**values["kinds"], "c": 0}} if records[index].id in outside else {}

    _, found = look(toy, changed(records, plant))
    assert {warning.what for warning in found.warnings} >= {
        "no validation record has c",
        "no test record has c",
    }
    assert field(found, "kinds").baselines_note == "without c, constant on validation"


def test_a_field_of_few_records_is_named(toy: Toy) -> None:
    _, found = look(toy, changed(clean(), lambda index, _: {"rare": index / 600 if index % 150 == 0 else None}),
                    unit("rare"))  # fmt: skip
    assert "4 of 600 records have it, less than 1%" in {warning.what for warning in found.warnings}
    _, without = look(toy, clean(), unit("absent"), name="without")
    assert only(without).what == "0 of 600 records have it, less than 1%"
    assert field(without, "absent").baselines_note == "none: no number for absent in train and absent in validation"
    assert field(without, "absent").labels[0].mean is None


@pytest.mark.parametrize(
    ("planted", "relation"),
    [
        (lambda values: values["regret"], "second equals regret"),
        (lambda values: 1 - values["regret"], "second = 1 - 1 * regret"),
        (lambda values: 0.1 + 0.5 * values["choice_factors"]["risk"], "second = 0.1 + 0.5 * choice_factors.risk"),
        (lambda values: sum(values["choice_factors"].values()) / 4, "second is a linear map of choice_factors"),
        (lambda values: float(any(values["kinds"].values())), "second is a function of kinds"),
        (lambda values: [0.7, 0.1, 0.4][min(2, sum(values["kinds"].values()))], "second is a function of kinds"),
    ],
)
def test_a_field_that_another_one_predicts_is_named(
    toy: Toy, planted: Callable[[Values], float], relation: str
) -> None:
    records = changed(clean(), lambda _, values: {"second": planted(values)})
    _, found = look(toy, records, unit("second"))
    said = [warning.what for warning in found.warnings if warning.field == "second"]
    assert said == [relation]


def test_labels_that_the_rest_of_their_field_gives_are_named_but_not_those_of_a_distribution(toy: Toy) -> None:
    def plant(index: int, values: Values) -> Values:
        factors = values["choice_factors"]
        one, two = factors["selection"], factors["uncertainty"]
        return {"choice_factors": {**factors, "risk": 1 - one, "decision": (one + two) / 2}}

    _, found = look(toy, changed(clean(), plant))
    said = only(found).what
    assert "choice_factors.risk = 1 - 1 * choice_factors.selection" in said
    assert "choice_factors.decision is a linear map of the other labels of choice_factors" in said


def test_a_test_part_of_another_kind_is_named(toy: Toy) -> None:
    parts = [attrs.evolve(one, split="test" if index % 4 == 0 else "train") for index, one in enumerate(clean())]

    def plant(index: int, values: Values) -> Values:
        if index % 4:
            return {}
        return {"regret": 0.3 + 0.7 * values["regret"], "kinds": {**values["kinds"], "b": int(index % 8 == 0)}}

    _, alike = look(toy, parts, name="alike")
    assert alike.warnings == ()
    _, found = look(toy, changed(parts, plant))
    said = {warning.field: warning.what for warning in found.warnings}
    assert said.keys() == {"regret", "kinds"}
    assert said["regret"].startswith("train and test differ beyond chance (level 0.01 over 14 labels): regret 0.")
    assert "b 0.3" in said["kinds"]
    assert "a 0." not in said["kinds"]


def test_tied_votes_are_counted(toy: Toy) -> None:
    tie = {"AUTHOR": 3, "OTHER": 3, "NOBODY": 1}
    store, found = look(toy, changed(clean(), lambda index, _: {"votes": tie} if index % 10 == 0 else {}))
    train = store.rows("train")
    tied = sum(int(store.ids[row][1:]) % 10 == 0 for row in train.tolist())
    assert only(found).what == f"the most votes are tied in {tied} of {len(train)} records ({tied / len(train):.1%})"


def test_texts_that_repeat_are_found_and_those_with_other_labels_named(toy: Toy) -> None:
    records = clean(300)
    again = [
        attrs.evolve(records[3], id="same", text=records[3].text.upper() + " "),
        attrs.evolve(records[5], id="other", values={**records[5].values, "regret": 0.99}),
        attrs.evolve(records[8], id="near", text=records[8].text + " gift"),
    ]
    _, found = look(toy, [*records, *again])
    warning = only(found)
    assert warning.field == "regret"
    assert warning.what.startswith("1 texts come several times with different labels (2 records), such as '")
    assert warning.what.endswith("(r5, other)")
    duplicates = found.duplicates
    assert (duplicates.sets, duplicates.records, duplicates.largest) == (3, 6, 2)
    assert (duplicates.across, duplicates.leaking, sum(duplicates.within.values())) == (0, 0, 3)
    assert {frozenset(example.ids) for example in duplicates.examples} == {
        frozenset(("r3", "same")), frozenset(("r5", "other")), frozenset(("r8", "near"))
    }  # fmt: skip
    assert all(len(text) <= 80 for example in duplicates.examples for text in example.texts)


def test_near_duplicates_across_splits_come_first_and_leak_unless_excluded() -> None:
    clusters = np.array([0, 0, 1, 1, 2, 2, 3])
    splits = ["train", "train", "excluded", "test", "train", "test", "test"]
    found = find_duplicates(clusters, "abcdefg".__getitem__, splits, lambda row: "x" * 200, ())
    assert (found.sets, found.across, found.leaking, found.within["train"]) == (3, 2, 1, 1)
    assert [example.ids for example in found.examples] == [("c", "d"), ("e", "f"), ("a", "b")]
    assert found.examples[0].texts[0] == "x" * 79 + "…"
    (warning,) = duplicate_warnings(found)
    assert warning.what == "sets of near-duplicates that lie in more than one split: 1"
    assert not list(duplicate_warnings(attrs.evolve(found, leaking=0)))
