"""Looking at data: planted defects are found, clean data has none, and the figures are right."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from scipy import stats
from toy import WORDS, Toy

from redheart_core import CATALOGUE, Field, Record
from redheart_core.data.data_warning import DataWarning
from redheart_core.data.store import Store
from redheart_core.exact.votes import entropy, fit_dirichlet_multinomial, vote_shares
from redheart_core.exact.votes_ceiling import vote_ceiling
from redheart_core.inspection.baselines import baseline_predictions
from redheart_core.inspection.data_warnings import duplicate_warnings
from redheart_core.inspection.field_baselines import field_baselines
from redheart_core.inspection.findings import FieldInspection, Inspection
from redheart_core.inspection.inspect import find_duplicates, inspect_store
from redheart_core.inspection.label_figures import entropy_bits, field_numbers, find_grid
from redheart_core.nn.answers import answer_metrics

Values = dict[str, Any]

KINDS = Field("kinds", "what is seen", 0.0, 1.0, labels=("a", "b", "c"), binary=True)
VOTES = CATALOGUE["votes"].with_labels("AUTHOR", "OTHER", "NOBODY")
FEELING = Field("feeling", "a distribution", 0.0, 1.0, labels=("good", "bad", "mixed"), simplex=True)
FIELDS = (KINDS, VOTES, FEELING)
FACTORS = CATALOGUE["choice_factors"].labels


def clean(count: int = 600) -> list[Record]:
    """Records of which no label says anything of another."""
    made = []
    for index in range(count):
        rng = np.random.default_rng(index)
        words = " ".join(WORDS[pick] for pick in rng.integers(len(WORDS), size=12 + index % 9))
        first, second, third = sorted(rng.permutation(9)[:3].tolist())
        values: Values = {
            "regret": float(rng.random()),
            "choice_factors": dict(zip(FACTORS, rng.random(4).tolist(), strict=True)),
            "kinds": {label: int(rng.random() < share) for label, share in (("a", 0.5), ("b", 0.3), ("c", 0.2))},
            "votes": dict(zip(VOTES.labels, rng.permutation([first, second, third]).tolist(), strict=True)),
            "feeling": dict(zip(FEELING.labels, rng.dirichlet([1.0, 2.0, 3.0]).tolist(), strict=True)),
        }
        made.append(Record(f"r{index}", words, values, f"line {index + 1}"))
    return made


def changed(records: list[Record], change: Callable[[int, Values], Mapping[str, Any]]) -> list[Record]:
    """The same with other values."""
    return [
        attrs.evolve(record, values={**record.values, **change(index, dict(record.values))})
        for index, record in enumerate(records)
    ]


def look(toy: Toy, records: list[Record], *more: Field, name: str = "store") -> tuple[Store, Inspection]:
    store = toy.store(records, name, (*FIELDS, *more))
    return store, inspect_store(store)


def only(found: Inspection) -> DataWarning:
    """The one warning there is."""
    (warning,) = found.warnings
    assert warning.why
    assert warning.remedy
    return warning


def field(found: Inspection, name: str) -> FieldInspection:
    (one,) = [one for one in found.fields if one.name == name]
    return one


def unit(name: str) -> Field:
    return Field(name, "planted", 0.0, 1.0)


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
    assert warning.what == "1 sets of near-duplicates lie in more than one split"
    assert not list(duplicate_warnings(attrs.evolve(found, leaking=0)))


@pytest.mark.parametrize("counts", [[5], [1, 1], [3, 1, 0, 7], list(range(1, 40))])
def test_entropy_is_that_of_scipy(counts: list[int]) -> None:
    assert entropy_bits(np.array(counts)) == pytest.approx(stats.entropy(counts, base=2), abs=1e-12)


def test_figures_are_those_of_the_train_split(toy: Toy) -> None:
    store, found = look(toy, clean())
    train = store.rows("train")
    regret = store.target("regret")[train].double().numpy()
    (figures,) = field(found, "regret").labels
    assert figures.mean == pytest.approx(regret.mean())
    assert figures.standard_deviation == pytest.approx(regret.std())
    assert (figures.distinct, figures.bins) == (len(train), 20)
    assert figures.entropy == pytest.approx(stats.entropy(np.histogram(regret, 20)[0], base=2))
    kinds = store.target("kinds")[train]
    for label, column in zip(field(found, "kinds").labels, kinds.T, strict=True):
        share = float(column.mean())
        assert (label.bins, label.distinct) == (0, 2)
        assert label.imbalance == pytest.approx(share)
        assert label.entropy == pytest.approx(stats.entropy([share, 1 - share], base=2), abs=1e-6)
        assert label.holding["train"] == int(column.sum())
    majority = store.target("votes")[train].argmax(-1).bincount(minlength=3) / len(train)
    assert [label.imbalance for label in field(found, "votes").labels] == pytest.approx(majority.tolist())
    assert field(found, "votes").class_entropy == pytest.approx(stats.entropy(majority.numpy(), base=2))
    assert field(found, "regret").coverage == {
        split: len(store.rows(split)) for split in ("train", "validation", "calibration", "test")
    }


@pytest.mark.parametrize("step", [0.05, 0.01, 1 / 3, 0.125, 0.5])
def test_values_on_a_grid_have_the_error_of_rounding(step: float) -> None:
    draw = np.random.default_rng(0)
    exact = 1 + 4 * draw.random(20_000)
    rounded = (np.round(exact / step) * step).astype(np.float32).astype(np.float64)
    found = find_grid(np.unique(rounded))
    assert found is not None
    assert found.step == pytest.approx(step, rel=1e-5)
    assert found.error == pytest.approx(np.sqrt(np.mean((rounded - exact) ** 2)), rel=0.05)


def test_values_on_no_grid_and_too_few_of_them_have_none() -> None:
    draw = np.random.default_rng(0)
    assert find_grid(np.unique(draw.random(30).astype(np.float32).astype(float))) is None
    assert find_grid(np.unique(draw.random(5000))) is None
    assert find_grid(np.array([0.0, 0.5, 1.0])) is None
    assert find_grid(np.array([0.0, 0.1, 0.25, math.sqrt(0.1), 0.4, 0.9])) is None


def test_the_floor_and_ceilings_of_votes_are_those_of_the_exact_calculator(toy: Toy) -> None:
    store, found = look(toy, clean())
    train, validation = (store.target("votes")[store.rows(split)].double().numpy() for split in ("train", "validation"))
    votes = field(found, "votes").votes
    assert votes is not None
    assert votes.entropy == pytest.approx(float(entropy(vote_shares(validation)).mean()))
    alpha = fit_dirichlet_multinomial(train).alpha
    expected = vote_ceiling(alpha, validation, rng=np.random.default_rng(5), draws=400)
    assert votes.cross_entropy == pytest.approx(expected.cross_entropy)
    assert votes.macro_f1 == pytest.approx(expected.macro_f1, abs=4 * expected.macro_f1_sd / math.sqrt(100))
    assert votes.entropy < votes.cross_entropy


def test_an_unknown_noise_floor_says_why(toy: Toy) -> None:
    one_vote = {"AUTHOR": 1, "OTHER": 0, "NOBODY": 0}
    _, found = look(toy, changed(clean(200), lambda *_: {"votes": one_vote}))
    assert field(found, "votes").votes is None
    assert field(found, "votes").noise.startswith("unknown: the classes [1, 2] have no votes")
    assert field(found, "regret").noise == "unknown: neither votes nor rounded values"
    assert field(found, "kinds").noise.startswith("unknown: a single 0 or 1")


def test_a_score_that_is_infinite_is_null_with_its_reason(toy: Toy) -> None:
    records = clean()
    first = toy.store(records, "first", FIELDS)
    train = {first.ids[row] for row in first.rows("train").tolist()}

    def plant(index: int, values: Values) -> Values:
        return {"votes": {**values["votes"], "NOBODY": 0, "AUTHOR": 10}} if records[index].id in train else {}

    _, found = look(toy, changed(records, plant))
    figures = {figure.metric: figure for figure in field(found, "votes").baselines}
    assert figures["soft_cross_entropy"].constant is None
    assert figures["soft_cross_entropy"].linear is not None
    assert "votes for a class of probability 0" in field(found, "votes").baselines_note
    (table,) = [one for one in found.to_json()["fields"] if one["name"] == "votes"]
    (written,) = [one for one in table["baselines"] if one["metric"] == "soft_cross_entropy"]
    assert written["constant"] is None
    assert json.dumps(found.to_json(), allow_nan=False)


def test_the_baselines_are_those_of_the_evaluation(toy: Toy) -> None:
    def lack(index: int, values: Values) -> Values:
        factors = {
            name: None if index % 7 == place else v for place, (name, v) in enumerate(values["choice_factors"].items())
        }
        return {"choice_factors": factors, "regret": None if index % 5 == 0 else values["regret"]}  # fmt: skip

    store = toy.store(changed(clean(), lack), more_fields=FIELDS)
    fields = [(one, field_numbers(store, one)) for one in store.fields.values()]
    found = field_baselines(store, fields)
    rows = store.rows("validation")
    for one, _ in fields:
        if one.binary:
            continue  # its thresholds have their own tests
        target = store.target(one.name)[rows]
        expected = baseline_predictions(store, one, (rows,))
        for metric, figure in zip(answer_metrics(one), found[one.name].figures, strict=True):
            there = ~target.isnan().flatten(1).all(1) if target.dim() > 1 else ~target.isnan()
            for name, value in (("constant", figure.constant), ("linear", figure.linear)):
                prediction = expected[name][0][there]
                assert value == pytest.approx(
                    metric.function(prediction, target[there], ~target[there].isnan()), abs=2e-3
                )


def test_labels_that_the_text_gives_are_predicted_and_random_ones_are_not(toy: Toy) -> None:
    texts = [one.text.split() for one in clean()]
    records = changed(clean(), lambda index, _: {"share": texts[index].count("debt") / len(texts[index])})
    _, found = look(toy, records, unit("share"))
    by_metric = {figure.metric: figure for figure in field(found, "share").baselines}
    variance = by_metric["explained_variance"]
    assert variance.linear is not None
    assert variance.linear > 0.5
    assert variance.constant is not None
    assert variance.constant < 0.05
    regret = {figure.metric: figure for figure in field(found, "regret").baselines}
    assert (regret["explained_variance"].linear or 0.0) < 0.1


def test_fields_along_axes_are_looked_at_place_by_place(toy: Toy) -> None:
    track = Field("track", "numbers over time", 0.0, 9.0, labels=("x",), axes=(3,))
    records = changed(clean(200), lambda index, _: {"track": [{"x": 1.0}, {"x": float(index % 2)}][: 1 + index % 2]})
    store, found = look(toy, records, track)
    (figures,) = field(found, "track").labels
    numbers = store.target("track")[store.rows("train")]
    assert figures.mean == pytest.approx(float(torch.nanmean(numbers)))
    assert field(found, "track").numbers == 3
    assert field(found, "track").baselines_note == "none: the numbers lie along axes"
