"""The few words that an answer on labels begins with: only what its set and its intervals bear out."""

from __future__ import annotations

import csv
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import pytest
from test_api_page import SHARES, VOTES, analysis, answer, value

from redheart.batch_lines import batch_form
from redheart.summary import MOST_NAMES, Summary, summarize
from redheart_core import Field
from redheart_core.models.findings import Answer, Certainty

FEELINGS = ("anger", "sadness", "joy", "surprise", "fear")
LABELS = Field("feelings", "1 for each feeling", 0.0, 1.0, labels=FEELINGS, binary=True)
HINTS = {"joy": 0.01, "anger": 0.01, "sadness": 0.01, "surprise": 0.01, "fear": 0.01}


def feelings(held: tuple[str, ...] | None, **given: float) -> Answer:
    """Labels with their probabilities, predicted from .1 on, and the set of them."""
    values = [value(name, number, 0.0, 0.1) for name, number in (HINTS | given).items()]
    values.sort(key=lambda one: -one.value)
    return attrs.evolve(answer(LABELS, *values), certainty=Certainty(0.1, 400, 1.0, None, held))


def shares(held: tuple[str, ...], high: float = 0.2) -> Answer:
    bounds = {"joy": (0.0, high), "fear": (0.6, 0.9)}
    values = [
        attrs.evolve(value(name, sum(ends) / 2, 1.2 if name == "fear" else -1.2), low=ends[0], high=ends[1])
        for name, ends in bounds.items()
    ]
    return attrs.evolve(answer(SHARES, *reversed(values)), certainty=Certainty(0.1, 400, 1.0, held))


def words(found: Answer) -> str | None:
    said = summarize(found)
    return None if said is None else said.words()


@pytest.mark.parametrize(
    ("held", "given", "expected"),
    [
        (("anger", "sadness"), {"anger": 0.9, "sadness": 0.6}, "mostly anger and sadness; joy is unlikely"),
        (("anger", "sadness"), {"anger": 0.9, "sadness": 0.3}, "mostly anger, perhaps sadness; joy is unlikely"),
        (("anger", "sadness"), {"anger": 0.4, "sadness": 0.3}, "perhaps anger or sadness; joy is unlikely"),
        (("joy",), {"joy": 0.8}, "mostly joy; sadness is unlikely"),
        (("joy",), {"joy": 0.8, "sadness": 0.11}, "mostly joy; anger is unlikely"),
        (("anger", "joy"), {"anger": 0.9}, "mostly anger; may also be true: joy"),
        (("anger", "joy"), {"anger": 0.9, "joy": 0.8}, "mostly anger and joy"),
        (("surprise",), {"surprise": 0.7}, "mostly surprise"),
        (("anger", "sadness", "fear"), {"anger": 0.7, "sadness": 0.7, "fear": 0.7},
         "mostly anger, sadness and fear; joy is unlikely"),
        (("anger",), {"anger": 0.19}, "may be true: anger"),
        (("sadness",), {"anger": 0.9}, "may be true: sadness"),
        (FEELINGS[:4], dict.fromkeys(FEELINGS, 0.7), "mostly joy, anger and sadness; may also be true: surprise"),
        ((), {"anger": 0.9}, "may be true: none"),
        (None, {"anger": 0.9}, None),
    ],
)  # fmt: skip
def test_labels_of_the_set_are_named_by_how_likely_they_are_and_an_opposite_outside_of_it_as_unlikely(
    held: tuple[str, ...], given: dict[str, float], expected: str | None
) -> None:
    assert words(feelings(held, **given)) == expected


def test_shares_are_named_where_one_alone_may_be_largest() -> None:
    assert words(shares(("fear",))) == "mostly fear; little joy"
    assert words(shares(("fear",), high=0.3)) == "mostly fear"  # .25 is usual
    assert words(shares(("fear", "joy"))) == "may be largest: fear, joy"
    votes = answer(VOTES, value("yes", 0.9, 2.0), value("no", 0.1, -2.0))
    assert words(attrs.evolve(votes, certainty=Certainty(0.1, 400, 1.0, ("yes",)))) == "mostly yes"
    assert words(attrs.evolve(votes, certainty=None)) is None


@pytest.mark.parametrize("held", [("anger",), ("anger", "joy"), FEELINGS, ()])
@pytest.mark.parametrize("number", [0.1, 0.3, 0.9])
def test_no_label_of_a_set_is_named_twice_and_none_is_left_out(held: tuple[str, ...], number: float) -> None:
    found = summarize(feelings(held, anger=number, joy=number))
    assert found is not None
    assert sorted((*found.mostly, *found.perhaps, *found.further)) == sorted(held)
    assert not set(found.unlikely) & set(held)
    said = found.words()
    assert [said.count(one) for one in FEELINGS if one in (*held, *found.unlikely)] == [1] * len(
        {*held, *found.unlikely}
    )


def test_the_summary_is_the_line_of_the_task_and_stands_in_the_json() -> None:
    found = analysis(feelings(("anger",), anger=0.9), shares(("fear",)))
    assert found.page.notes[:2] == ("emotion: mostly fear; little joy", "feelings: mostly anger; joy is unlikely")
    assert len(found.page.notes) == 3
    said = {one["field"]: one["summary"] for one in found.to_json()["answers"]}
    assert said["emotion"] == {
        "text": "mostly fear; little joy", "mostly": ["fear"], "perhaps": [], "unlikely": ["joy"], "further": [],
    }  # fmt: skip
    assert said["feelings"]["text"] == "mostly anger; joy is unlikely"


@pytest.mark.parametrize("likely", [0.3, 0.05])
def test_a_set_of_many_labels_is_counted(likely: float) -> None:
    names = tuple(f"label {number}" for number in range(MOST_NAMES + 2))
    values = [value(name, 0.6 if place < 2 else likely, 0.0, 0.5) for place, name in enumerate(names)]
    many = attrs.evolve(answer(LABELS, *values), certainty=Certainty(0.1, 400, 1.0, None, names[:-1]))
    assert words(many) == "mostly label 0 and label 1; 7 more of 10 labels may be true"
    none = attrs.evolve(many, values=tuple(attrs.evolve(one, threshold=0.7) for one in many.values))
    assert words(none) == "9 of 10 labels may be true"
    assert analysis(none).page.notes == ("nothing unusual: feelings",)


def test_another_language_has_its_own_words_and_names() -> None:
    found = Summary(("anger", "sadness"), ("fear",), ("joy",), ("surprise",))
    korean = {"mostly {names}": "주로 {names}", "perhaps {names}": "아마도 {names}", " and ": ", "}
    names = {"anger": "분노", "sadness": "슬픔", "fear": "두려움", "surprise": "놀람"}
    said = found.words(lambda one: korean.get(one, one), lambda one: names.get(one, one))
    assert said == "주로 분노, 슬픔, 아마도 두려움; joy is unlikely; may also be true: 놀람"


def row_of(*answers: Answer) -> dict[str, str]:
    """The answers as a table has them."""
    about = {one.field: one.about for one in answers}
    model: Any = SimpleNamespace(assembled=SimpleNamespace(manifest=SimpleNamespace(answers=about), fields=about))
    form = batch_form(model, Path("answers.csv"), details=False)
    (row,) = csv.DictReader((form.head + form.line(1, "text", analysis(*answers))).decode().splitlines())
    return row


@pytest.mark.parametrize("held", [("anger", "joy"), ("anger",), FEELINGS, (), None])
@pytest.mark.parametrize("number", [0.9, 0.4, 0.19, 0.01])
def test_a_table_has_the_labels_that_the_json_claims_and_the_page_shows(
    held: tuple[str, ...] | None, number: float
) -> None:
    found = feelings(held, anger=number, joy=0.15)
    said = analysis(found)
    (claims,) = [one["claims"] for one in said.to_json()["answers"]]
    assert row_of(found)["feelings"] == "; ".join(claims)
    assert [row[1] for row in said.page.rows] == claims


@pytest.mark.parametrize("count", [1, 2, MOST_NAMES, MOST_NAMES + 1])
def test_a_table_has_the_shares_that_the_line_of_the_task_names_and_none_where_it_counts_them(count: int) -> None:
    names = tuple(f"label {number}" for number in range(MOST_NAMES + 2))
    values = [value(name, (20 - place) / 100, 2.0 - place) for place, name in enumerate(names)]
    about = attrs.evolve(SHARES, labels=names)
    found = attrs.evolve(answer(about, *values), certainty=Certainty(0.1, 400, 1.0, names[:count]))
    said = summarize(found)
    assert said is not None
    named = [] if said.open else [*said.mostly, *said.further]
    assert row_of(found)["emotion"] == "; ".join(named)
    assert all(name in said.words() for name in named)


def test_without_a_set_a_table_has_the_shares_that_the_json_claims() -> None:
    for usual, claimed in ((2.0, "yes"), (0.0, "")):
        votes = attrs.evolve(answer(VOTES, value("yes", 0.9, usual), value("no", 0.1, -usual)), certainty=None)
        assert row_of(votes)["votes"] == "; ".join(analysis(votes).to_json()["answers"][0]["claims"]) == claimed
