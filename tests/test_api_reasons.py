"""Why answers are as they are: sums, the parts, what an answer hangs on, and how it is shown."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import jsonschema
import pytest
from front_door import Finished, refuse, succeed
from plugin_sources import Install

import redheart
from redheart.analysis_json import schema
from redheart.reasons import MOST_ROWS, SENTENCES, Explanation, columns, rows
from redheart_core import PluginError, Reason, ReasonRow, RedheartError
from redheart_core.models.explaining import Explained
from redheart_reasons.sentences import MOST_PARTS, part_spans
from redheart_village.records import make_record
from redheart_village.wording_en import ENGLISH

TEXT = "My brother lost the garden. Then he burned my letter. The boss sold the house quietly."
BROKEN = """
from redheart_core import ExplanationSpec, hookimpl

def explain(text):
    raise ValueError("no reason at all")

@hookimpl
def redheart_provide_explanations():
    return [ExplanationSpec(name="reasons_of_stars", meaning="by the stars", heading="stars", explain=explain)]
"""


def by_sentence(explanation: Explanation) -> tuple[Reason, ...]:
    return next(one.reasons for one in explanation.explained if one.explanation == SENTENCES)


def parts(reason: Reason) -> tuple[str, ...]:
    return tuple(row.part for row in reason.rows)


@pytest.fixture(scope="module")
def model(finished: Finished) -> redheart.Model:
    return redheart.load(finished.model)


@pytest.fixture(scope="module")
def explained(model: redheart.Model) -> Explanation:
    return model.explain(TEXT)


def test_contributions_sum_to_the_difference_from_the_usual(explained: Explanation, model: redheart.Model) -> None:
    assert explained.analysis == model.analyze(TEXT)
    answered = {(answer.field, value.label): value for answer in explained.analysis.answers for value in answer.values}
    assert {(one.field, one.label) for one in by_sentence(explained)} == answered.keys()
    for reason in by_sentence(explained):
        value = answered[reason.field, reason.label]
        assert (reason.value, reason.usual) == (value.value, value.training_mean)
        assert math.fsum(row.adds for row in reason.rows) == pytest.approx(reason.value - reason.usual, abs=1e-9)


def test_contributions_are_means_over_all_orders_of_what_the_model_says_of_the_parts(
    explained: Explanation, model: redheart.Model
) -> None:
    regret = explained.reason("regret", "regret")

    def says(places: tuple[int, ...]) -> float:
        if not places:
            return regret.usual
        text = " ".join(parts(regret)[place] for place in sorted(places))
        return next(value.value for value in model.analyze(text, language="en").answer("regret").values)

    orders = list(itertools.permutations(range(len(regret.rows))))
    for part, row in enumerate(regret.rows):
        added = [says(order[: order.index(part) + 1]) - says(order[: order.index(part)]) for order in orders]
        assert row.adds == pytest.approx(math.fsum(added) / len(orders), abs=1e-6)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (TEXT, ["My brother lost the garden.", "Then he burned my letter.", "The boss sold the house quietly."]),
        ("내 편지를 태웠다. 나는 울었다!", ["내 편지를 태웠다.", "나는 울었다!"]),
        ("He burned my letter", ["He", "burned", "my", "letter"]),
        ("so so", ["so", "so"]),
    ],
)
def test_the_parts_are_the_sentences_or_the_words_of_one(text: str, found: list[str]) -> None:
    assert [text[start:end] for start, end in part_spans(text)] == found


@pytest.mark.parametrize("count", [9, 20, 333])
def test_of_many_sentences_neighbours_are_joined_and_none_is_lost(count: int) -> None:
    text = " ".join(f"He said {number} words." for number in range(count))
    spans = part_spans(text)
    assert len(spans) == MOST_PARTS
    assert " ".join(text[start:end] for start, end in spans) == text


def test_a_text_of_one_word_adds_all_by_itself(model: redheart.Model) -> None:
    reasons = by_sentence(model.explain("garden", language="en"))
    assert all(one.rows == (ReasonRow("garden", one.value - one.usual),) for one in reasons)


def test_texts_of_several_chunks_are_explained(model: redheart.Model) -> None:
    text = " ".join(f"My brother lost garden number {number} to the boss." for number in range(60))
    for reason in by_sentence(model.explain(text, language="en")):
        assert math.fsum(row.adds for row in reason.rows) == pytest.approx(reason.value - reason.usual, abs=1e-9)


def test_what_is_not_answered_has_no_reasons(model: redheart.Model, explained: Explanation) -> None:
    german = model.explain("Mein Bruder hat gestern leider den schönen Garten verloren.", language="de")
    assert german.explained == ()
    with pytest.raises(RedheartError, match="no reasons of 'glee' of 'emotion' by 'reasons_by_sentence'"):
        explained.reason("emotion", "glee")


def test_rows_show_the_parts_that_add_most_and_sum_up_the_rest(explained: Explanation) -> None:
    adds = (0.5, -1.0, 0.1, 0.2, 0.04, 0.03, 0.02, 0.11)
    reason = Reason("regret", "regret", 0.0, 0.0, tuple(map(ReasonRow, "abcdefgh", adds)), (1, 2))
    shares = Explained("made_up", "because of", "shares", (reason,))
    shown = list(rows(shares, reason))
    assert columns(shares) == ("because of", "adds", "")
    assert shown[:2] == [("b", "-1.00", "----------"), ("a", "+0.50", "+++++")]
    assert shown[MOST_ROWS] == ("and 4 more", "+0.19", "")
    assert len(shown) == MOST_ROWS + 1
    assert explained.turning(reason) == 'without "b" and "c" the answer on regret would turn'


def test_a_calculation_is_shown_whole_in_its_order() -> None:
    made = tuple(ReasonRow(f"x{number}", number / 10, 0.5, 0.25 if number else None, 2.0) for number in range(7))
    reason = Reason("utility", "utility", 0.0, 2.1, made)
    calculation = Explained("made_up", "by the calculus", "calculation", (reason,))
    assert columns(calculation) == ("by the calculus", "value", "weight", "gives", "adds", "")
    shown = list(rows(calculation, reason))
    assert [row[0] for row in shown] == [f"x{number}" for number in range(7)]
    assert shown[0] == ("x0", "0.50", "", "2.00", "+0.00", "")
    assert shown[6] == ("x6", "0.50", "0.25", "2.00", "+0.60", "++++++++++")


def test_the_command_shows_them_and_writes_them_as_json(
    finished: Finished, tmp_path: Path, explained: Explanation
) -> None:
    by_hand = succeed("analyze", finished.model, TEXT, "--reasons", cwd=tmp_path).out
    assert explained.shown
    for _, reason in explained.shown:
        assert f"{reason.value:.2f}, where {reason.usual:.2f} is usual" in by_hand
    said = succeed("analyze", finished.model, TEXT, "--reasons", "--json", cwd=tmp_path).json()
    assert said == json.loads(json.dumps(explained.to_json()))
    jsonschema.Draft202012Validator(schema()).validate(said)
    (tmp_path / "texts.jsonl").write_text('{"text": "He burned my letter."}')
    refuse("analyze", finished.model, "--jsonl", "texts.jsonl", "--reasons", cwd=tmp_path,
           says=["--reasons explains one text"], code=2)  # fmt: skip


def test_an_explanation_of_another_package_that_fails_is_named(
    install: Install, model: redheart.Model, explained: Explanation
) -> None:
    install("stars", BROKEN)
    with pytest.raises(PluginError, match="plugin 'reasons_of_stars' failed in explain: ValueError: no reason at all"):
        model.explain(TEXT)
    assert model.analyze(TEXT) == explained.analysis


@pytest.mark.slow
def test_the_sentence_that_decides_a_label_has_the_largest_share(tmp_path: Path) -> None:
    """In the village an end that is open decides fear."""
    plugins = tmp_path / "plugins.toml"
    plugins.write_text(
        'active = ["village", "lsa", "linear"]\n[plugins.village]\nenglish = 500\nkorean = 0\n'
        "[plugins.lsa]\nwidth = 128\n[data]\nterms = 2000\n"
    )
    run = redheart.train("village", output=tmp_path / "run", plugins=plugins, encoder="lsa", progress=False)
    model = run.assemble()
    hits: list[bool] = []
    for index in range(10_000, 10_040):
        if len(hits) == 12:
            break
        text = make_record(0, ENGLISH, index).text
        ends = [end for end in ENGLISH.open_ends if end.lower() in text.lower()]
        if ends:
            explained = model.explain(text, language="en")
            found = explained.reason("emotion", "fear").rows
            (row,) = [row for row in found if ends[0].lower() in row.part.lower()]
            hits.append(row.adds == max(other.adds for other in found))
    assert len(hits) == 12
    assert sum(hits) >= 0.8 * len(hits)
