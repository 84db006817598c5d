"""The page of an analysis: predicted labels and unusual numbers in words, most telling first; silence and why."""

from __future__ import annotations

import attrs
import pytest

from redheart import Analysis
from redheart.page import UNLIMITED, not_sure_enough
from redheart.summary import MOST_NAMES
from redheart_core import Field, RedheartError
from redheart_core.data.language import Language
from redheart_core.models.abstaining import Abstention, Silence
from redheart_core.models.findings import Answer, Certainty, Finding, LabelValue
from redheart_core.models.limits import Reading
from redheart_core.models.stakes import Context

LABELS = Field("feelings", "1 for each feeling", 0.0, 1.0, labels=("joy", "fear", "anger", "calm"), binary=True)
SHARES = Field("emotion", "share of each", 0.0, 1.0, labels=("joy", "fear"), simplex=True)
VOTES = Field("votes", "votes of a crowd", 0.0, 1e9, "votes", labels=("yes", "no"), counts=True)
RATING = Field("rating", "how it is rated", 1.0, 5.0, "points")
DEBT = Field("debt", "what is owed", 0.0, float("inf"))
ENGLISH = Language("en", 0.97)


def value(label: str, number: float, deviations: float | None = 0.0, threshold: float | None = None) -> LabelValue:
    return LabelValue(label, number, 0.25, deviations, threshold)


def answer(field: Field, *values: LabelValue, warning: str = "") -> Answer:
    unit = field.unit if field.unit != "votes" else "1"
    finding = Finding("plugin", field.name, field.name, "group", 1, unit, values, warning)
    return Answer(field.name, field, finding, False, values, (), Certainty(0.1, 400, None))


def analysis(*answers: Answer, abstentions: tuple[Abstention, ...] = (), language: Language = ENGLISH) -> Analysis:
    return Analysis("text", language, answers, abstentions, tuple(one.finding for one in answers), {}, calibrated=True)


def test_labels_from_their_threshold_on_are_shown_with_words_for_their_probability() -> None:
    labels = [value(*one) for one in (("joy", 0.9, 2.0, 0.4), ("fear", 0.6, 1.0, 0.4), ("calm", 0.3, 0.1, 0.2))]
    page = analysis(answer(LABELS, *labels, value("anger", 0.3, 5.0, 0.31), value("awe", 0.99, 9.0, None))).page
    assert page.rows == (
        ("feelings", "joy", "0.90", "#" * 9, "very likely"),
        ("", "fear", "0.60", "#" * 6, "likely"),
        ("", "calm", "0.30", "#" * 3, "perhaps"),
    )
    assert page.notes == ()


@pytest.mark.parametrize(
    ("probability", "words"),
    [(0.8, "very likely"), (0.79, "likely"), (0.5, "likely"), (0.49, "perhaps"), (0.2, "perhaps")],
)
def test_words_follow_from_the_probability_and_not_from_how_low_the_threshold_is(
    probability: float, words: str
) -> None:
    for threshold in (0.01, 0.08):
        (row,) = analysis(answer(LABELS, value("joy", probability, 5.0, threshold))).page.rows
        assert row[-1] == words


def test_a_label_is_shown_if_it_is_predicted_in_the_set_and_at_least_perhaps_so() -> None:
    labels = [value("joy", 0.6, 2.0, 0.1), value("fear", 0.3, 2.0, 0.1), value("calm", 0.19, 2.0, 0.1)]
    several = tuple(f"label {number}" for number in range(MOST_NAMES - 2))

    def shown(*held: str, **given: float) -> list[str]:
        values = [attrs.evolve(one, value=given.get(one.label, one.value)) for one in labels]
        values += [value(name, 0.05, 0.0, 0.1) for name in several]
        found = attrs.evolve(answer(LABELS, *values), certainty=Certainty(0.1, 400, 1.0, None, held))
        page = analysis(found)
        assert page.to_json()["answers"][0]["claims"] == [row[1] for row in page.page.rows]
        return [row[1] for row in page.page.rows]

    assert shown("joy", "fear", "calm") == ["joy", "fear"]
    assert shown("joy", "calm") == ["joy"]
    assert shown("joy", "fear", "calm", calm=0.2) == ["joy", "fear", "calm"]
    assert shown("joy", "fear", *several) == ["joy", "fear"]
    assert shown("joy", "fear", "calm", *several) == ["joy"]  # the set is open


def test_a_set_of_few_labels_is_named_where_none_of_them_is_sure() -> None:
    several = tuple(f"label {number}" for number in range(MOST_NAMES + 1))
    values = [
        value("joy", 0.15, 2.0, 0.1),
        value("fear", 0.19, 2.0, 0.1),
        *(value(one, 0.05, 0, 0.1) for one in several),
    ]

    def notes(*held: str, unlike: bool = False) -> tuple[str, ...]:
        certainty = Certainty(0.1, 400, 1.0, None, held, "", ("diaries",), unlike)
        found = analysis(attrs.evolve(answer(LABELS, *values), certainty=certainty))
        assert found.page.rows == ()
        return found.page.notes

    few = notes("joy", "fear")
    assert few[0] == "feelings: nothing sure enough; may be true: fear, joy"
    assert few[1].startswith("intervals [low, high] and sets hold the truth in 90% of all texts")
    assert notes(*several) == ("nothing sure enough to show, see --details: feelings",)
    assert notes() == ("nothing sure enough to show, see --details: feelings",)
    assert notes("joy", "fear", unlike=True)[0].startswith("measured on texts unlike this one (diaries)")


@pytest.mark.parametrize(
    ("low", "high", "shown"), [(1.0, 3.0, True), (0.2, 3.0, False), (0.25, 3.0, False), (-1.0, 0.2, True)]
)
def test_a_number_is_shown_if_its_interval_does_not_hold_what_is_usual(low: float, high: float, shown: bool) -> None:
    for about, label in ((RATING, "rating"), (SHARES, "joy")):
        one = attrs.evolve(value(label, (low + high) / 2, 2.0), low=low, high=high)
        found = attrs.evolve(analysis(attrs.evolve(answer(about, one), unsure=(label,))), context=Context("raised", {}))
        assert [row[0] for row in found.page.rows] == ([about.name] if shown else [])
        left = f"nothing sure enough to show, see --details: {about.name}"
        assert (left in found.page.notes, f"nothing unusual: {about.name}" in found.page.notes) == (not shown, False)
        assert not_sure_enough(found) == ([about.name] if shown else [])
        assert found.to_json()["answers"][0]["claims"] == ([label] if shown else [])


def test_an_answer_that_was_measured_on_other_texts_claims_nothing_and_is_named() -> None:
    certainty = Certainty(0.1, 400, 1.0, ("joy",), ("joy",), "", ("diaries", "letters"), unlike=True)
    found = analysis(
        *(
            attrs.evolve(answer(about, *values), certainty=certainty)
            for about, values in (
                (LABELS, [value("joy", 0.9, 2.0, 0.4)]),
                (SHARES, [value("joy", 0.7, 1.2), value("fear", 0.3, -1.2)]),
                (VOTES, [value("no", 0.5, 0.9), value("yes", 0.5, 0.9)]),
            )
        ),
        answer(RATING, value("rating", 2.0, -2.5)),
    )
    assert [row[0] for row in found.page.rows] == ["rating"]
    assert found.page.notes == (
        "measured on texts unlike this one (diaries, letters), see --details: feelings, emotion, votes",
    )
    described = {one["field"]: one for one in found.to_json()["answers"]}
    assert [described[name]["claims"] for name in ("feelings", "emotion", "rating")] == [[], [], ["rating"]]
    assert described["emotion"]["summary"] is None
    assert described["emotion"]["certainty"]["unlike"]
    alike = attrs.evolve(certainty, unlike=False)
    page = analysis(*(attrs.evolve(one, certainty=alike) for one in found.answers[:2])).page
    assert [row[0] for row in page.rows if row[0]] == ["feelings", "emotion"]


def test_shares_above_and_numbers_away_from_the_usual_are_shown() -> None:
    page = analysis(
        answer(SHARES, value("joy", 0.7, 1.2), value("fear", 0.3, -1.2)),
        answer(RATING, value("rating", 2.0, -2.5)),
        answer(VOTES, value("no", 0.5, 0.9), value("yes", 0.5, 0.9)),
    ).page
    assert page.rows == (
        ("rating", "", "2.00 points", "##", "far below the mean 0.25"),
        ("emotion", "joy", "0.70", "#" * 7, "above the mean 0.25"),
    )
    assert page.notes == ("nothing unusual: votes",)


def test_a_number_without_a_usual_value_and_a_range_without_an_end_are_shown_plainly() -> None:
    (row,) = analysis(answer(DEBT, value("debt", 7.5, None))).page.rows
    assert row == ("debt", "", "7.50", "", "")


def test_a_task_shows_three_labels_and_a_page_eight_tasks() -> None:
    many = [
        attrs.evolve(answer(SHARES, *[value(str(label), 0.2, 9.0 - task) for label in range(5)]), field=f"task{task}")
        for task in range(10)
    ]
    page = analysis(*reversed(many)).page
    assert [row[0] for row in page.rows if row[0]] == [f"task{task}" for task in range(8)]
    assert page.rows[3] == ("", "and 2 more", "", "", "")
    assert page.notes == ("also unusual, see --details: task8", "nothing unusual: task9")


def test_silence_is_said_once_for_each_reason_with_what_would_help() -> None:
    korean, other = Silence("measured on Korean texts alone", "--language ko if it is Korean"), Silence("no input", "")
    silent = (Abstention("a", (korean,)), Abstention("b", (other,)), Abstention("c", (korean,)))
    page = analysis(abstentions=silent, language=Language(None, 0.1)).page
    assert page.head == "language: not recognised; the model answers nothing on this text"
    assert page.notes == (
        "NOT ANSWERED: a, c: measured on Korean texts alone; what would help: --language ko if it is Korean",
        "NOT ANSWERED: b: no input",
    )
    with pytest.raises(RedheartError, match="the model does not answer 'a' here: measured on Korean texts alone"):
        analysis(abstentions=silent).answer("a")


def test_warnings_and_groups_that_are_left_out_stand_on_the_page() -> None:
    found = analysis(answer(RATING, value("rating", 2.0), warning="untrained"))
    page = attrs.evolve(found, missing={"phase0": "it was left out"}).page
    assert page.notes == (
        "nothing unusual: rating",
        "not in this model: group phase0, it was left out",
        "WARNING: untrained",
    )
    assert page.head == "language: English"


def test_what_layers_say_against_the_answers_is_a_warning_with_what_they_found() -> None:
    doubt = Reading("members", 4.0, 2.0, "members disagree", "", {"rating": ("a says 2.00 and b 4.00",)})
    found = attrs.evolve(
        analysis(answer(RATING, value("rating", 2.0))), remarks=(doubt, Reading("calculus", 1.0, 2.0, "", ""))
    )
    assert found.page.notes == (
        "nothing unusual: rating",
        "WARNING: members disagree: rating a says 2.00 and b 4.00",
    )


def test_whom_a_text_is_about_and_what_is_at_stake_is_one_line_with_the_answers_that_are_not_sure_enough() -> None:
    unsure = attrs.evolve(answer(RATING, value("rating", 2.0, 3.0)), unsure=("rating",))
    named = {"about": ("child", "mother"), "because of": ("child",)}
    page = attrs.evolve(analysis(unsure), context=Context("raised", named)).page
    assert page.notes[:2] == (
        "stakes raised; about: child, mother; because of: child",
        "WARNING: not 85% sure, as stakes want it: rating",
    )
    usual = attrs.evolve(analysis(unsure), context=Context("usual", {"about": ("mother",)})).page
    assert usual.notes == ("about: mother",)
    assert attrs.evolve(analysis(unsure), context=Context()).page.notes == ()


def test_intervals_stand_beside_the_numbers_and_sets_behind_them_with_what_they_hold() -> None:
    inside = attrs.evolve(value("rating", 2.0, -2.5), low=1.25, high=2.755)
    labels = [
        attrs.evolve(value(*one), in_set=one[1] > 0.1) for one in (("joy", 0.9, 2.0, 0.4), ("fear", 0.2, 0.0, 0.4))
    ]
    labels.append(attrs.evolve(value("calm", 0.01, 0.0, 0.2), in_set=False))
    shares = answer(SHARES, value("joy", 0.7, 1.2), value("fear", 0.3, -1.2))
    shares = attrs.evolve(shares, certainty=Certainty(0.1, 400, 1.2, ("joy",)))
    feelings = attrs.evolve(answer(LABELS, *labels), certainty=Certainty(0.1, 400, 1.2, None, ("joy", "fear")))
    found = analysis(answer(RATING, inside), feelings, shares)
    assert found.page.rows[0][2] == "2.00 [1.25, 2.75] points"
    assert found.page.notes == (
        "feelings: mostly joy; may also be true: fear",
        "emotion: mostly joy",
        "intervals [low, high] and sets hold the truth in 90% of all texts like the calibration records, "
        "a set of what may be true 90% of a text's labels on average",
    )
    like = attrs.evolve(feelings, certainty=Certainty(0.1, 400, 1.2, None, ("joy", "fear"), "novels"))
    assert analysis(like, shares).page.notes[-1] == f"{found.page.notes[-1]}; this text reads like novels"
    shown = {(row[0], row[1]): row[2] for row in found.details()}
    assert shown["rating", ""] == "2.000 [1.250, 2.755] points"
    assert shown["feelings", "joy"] == "0.900 yes (from 0.40), in the set"
    assert shown["feelings", "calm"] == "0.010 no (from 0.20), not in the set"
    assert found.intervals("rating") == {"rating": (1.25, 2.755)}
    assert found.label_set("feelings") == ("joy", "fear")
    assert found.label_set("emotion") == ("joy",)
    with pytest.raises(RedheartError, match="too few calibration records for an interval of 'emotion': fear, joy"):
        found.intervals("emotion")
    with pytest.raises(RedheartError, match="ask for its label_set"):
        found.intervals("feelings")
    with pytest.raises(RedheartError, match="'rating' has no set of labels"):
        found.label_set("rating")


def test_a_page_says_what_is_not_calibrated() -> None:
    plain = attrs.evolve(answer(RATING, value("rating", 2.0, 3.0)), certainty=None)
    assert analysis(plain).page.notes == ("not calibrated: rating",)
    (note,) = attrs.evolve(analysis(plain), calibrated=False).page.notes
    assert note == "not calibrated: the model has no intervals and sets; how far an answer is off is unknown"


def test_a_page_says_where_too_few_calibration_texts_left_a_model_without_any_limit() -> None:
    unknown = (Reading("length", 0.5, None, "", ""), Reading("terms", None, None, "", ""))
    found = attrs.evolve(analysis(answer(RATING, value("rating", 2.0, 3.0))), limits=unknown)
    assert found.page.notes == (f"WARNING: {UNLIMITED}",)
    assert not attrs.evolve(found, limits=(attrs.evolve(unknown[0], limit=2.0), unknown[1])).page.notes
    assert not attrs.evolve(found, answers=(), limits=unknown).page.notes


def test_the_notebook_shows_the_page() -> None:
    shown = analysis(answer(RATING, value("rating", 2.0, 3.0)))._repr_html_()
    assert "<caption>text; language: English</caption>" in shown
    assert shown.count("<tr>") == 2


def test_a_set_of_many_labels_says_that_the_text_leaves_it_open() -> None:
    names = tuple(f"label {number}" for number in range(12))
    values = [attrs.evolve(value(name, 0.5, 0.0, 0.4), in_set=name in names[:9]) for name in names]
    found = attrs.evolve(answer(LABELS, *values), certainty=Certainty(0.1, 400, 1.2, None, names[:9]))
    assert analysis(found).page.notes[-2] == (
        "feelings: mostly label 0, label 1 and label 2; 6 more of 12 labels may be true (--details)"
    )
    fewer = attrs.evolve(found, certainty=Certainty(0.1, 400, 1.2, None, names[:8]))
    first = "feelings: mostly label 0, label 1 and label 2; may also be true: "
    assert analysis(fewer).page.notes[-2] == first + ", ".join(names[3:8])
    likely = (attrs.evolve(values[7], value=0.9), *values[:7], *values[8:])
    ordered = attrs.evolve(fewer, values=likely)
    assert "mostly label 7, label 0 and label 1; may also be true: label 2" in analysis(ordered).page.notes[-2]


def test_details_say_what_every_layer_says() -> None:
    found = attrs.evolve(
        analysis(answer(RATING, value("rating", 2.0))),
        limits=(Reading("length", 0.5, 2.0, "", ""), Reading("terms", None, 1.0, "", "")),
        remarks=(Reading("members", 4.0, 2.0, "members disagree", "", {"rating": ("a says 2",)}),),
    )
    assert list(found.layer_details()) == [
        ("length", "0.5", "2", "as usual"),
        ("terms", "-", "1", ""),
        ("members", "4", "2", "members disagree: rating a says 2"),
    ]
