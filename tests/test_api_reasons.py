"""What each part of a text adds to the answers: sums, the parts, what an answer hangs on, and how it is shown."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import attrs
import pytest
from front_door import Finished, refuse, succeed

import redheart
from redheart.reasons import MOST_ROWS, Explanation
from redheart_core import RedheartError
from redheart_core.models.reasons import MOST_PARTS, Reason, part_spans
from redheart_village.records import make_record
from redheart_village.wording_en import ENGLISH

TEXT = "My brother lost the garden. Then he burned my letter. The boss sold the house quietly."


@pytest.fixture(scope="module")
def model(finished: Finished) -> redheart.Model:
    return redheart.load(finished.model)


@pytest.fixture(scope="module")
def explained(model: redheart.Model) -> Explanation:
    return model.explain(TEXT)


def test_contributions_sum_to_the_difference_from_the_usual(explained: Explanation, model: redheart.Model) -> None:
    assert explained.analysis == model.analyze(TEXT)
    answered = {(answer.field, value.label): value for answer in explained.analysis.answers for value in answer.values}
    assert {(one.field, one.label) for one in explained.reasons} == answered.keys()
    for reason in explained.reasons:
        value = answered[reason.field, reason.label]
        assert (reason.value, reason.usual) == (value.value, value.training_mean)
        assert math.fsum(reason.contributions) == pytest.approx(reason.value - reason.usual, abs=1e-9)


def test_contributions_are_means_over_all_orders_of_what_the_model_says_of_the_parts(
    explained: Explanation, model: redheart.Model
) -> None:
    def says(places: tuple[int, ...]) -> float:
        if not places:
            return explained.reason("regret", "regret").usual
        text = " ".join(explained.parts[place] for place in sorted(places))
        return next(value.value for value in model.analyze(text, language="en").answer("regret").values)

    orders = list(itertools.permutations(range(len(explained.parts))))
    for part, contribution in enumerate(explained.reason("regret", "regret").contributions):
        added = [says(order[: order.index(part) + 1]) - says(order[: order.index(part)]) for order in orders]
        assert contribution == pytest.approx(math.fsum(added) / len(orders), abs=1e-6)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (TEXT, ["My brother lost the garden.", "Then he burned my letter.", "The boss sold the house quietly."]),
        ("내 편지를 태웠다. 나는 울었다!", ["내 편지를 태웠다.", "나는 울었다!"]),
        ("He burned my letter", ["He", "burned", "my", "letter"]),
        ("so so", ["so", "so"]),
    ],
)
def test_the_parts_are_the_sentences_or_the_words_of_one(text: str, parts: list[str]) -> None:
    assert [text[start:end] for start, end in part_spans(text)] == parts


@pytest.mark.parametrize("count", [9, 20, 333])
def test_of_many_sentences_neighbours_are_joined_and_none_is_lost(count: int) -> None:
    text = " ".join(f"He said {number} words." for number in range(count))
    spans = part_spans(text)
    assert len(spans) == MOST_PARTS
    assert " ".join(text[start:end] for start, end in spans) == text


def test_a_text_of_one_word_adds_all_by_itself(model: redheart.Model) -> None:
    explained = model.explain("garden", language="en")
    assert explained.parts == ("garden",)
    assert all(one.contributions == (one.value - one.usual,) for one in explained.reasons)


def test_texts_of_several_chunks_are_explained(model: redheart.Model) -> None:
    text = " ".join(f"My brother lost garden number {number} to the boss." for number in range(60))
    for reason in model.explain(text, language="en").reasons:
        assert math.fsum(reason.contributions) == pytest.approx(reason.value - reason.usual, abs=1e-9)


def test_what_is_not_answered_has_no_reasons(model: redheart.Model, explained: Explanation) -> None:
    german = model.explain("Mein Bruder hat gestern leider den schönen Garten verloren.", language="de")
    assert (german.parts, german.reasons) == ((), ())
    with pytest.raises(RedheartError, match="no reasons of 'glee' of 'emotion'"):
        explained.reason("emotion", "glee")


def test_rows_show_the_parts_that_add_most_and_sum_up_the_rest(explained: Explanation) -> None:
    many = attrs.evolve(explained, parts=tuple("abcdefgh"))
    reason = Reason("regret", "regret", 0.0, 0.0, (0.5, -1.0, 0.1, 0.2, 0.04, 0.03, 0.02, 0.11), None)
    rows = list(many.rows(reason))
    assert rows[:2] == [("b", "-1.00", "----------"), ("a", "+0.50", "+++++")]
    assert rows[MOST_ROWS] == ("and 4 more", "+0.19", "")
    assert len(rows) == MOST_ROWS + 1
    assert many.turning(reason) == ""
    assert many.turning(attrs.evolve(reason, turning=(1, 2))) == 'without "b" and "c" the answer on regret would turn'


def test_the_command_shows_them_and_writes_them_as_json(
    finished: Finished, tmp_path: Path, explained: Explanation
) -> None:
    by_hand = succeed("analyze", finished.model, TEXT, "--reasons", cwd=tmp_path).out
    for reason in explained.shown:
        assert f"{reason.value:.2f}, where {reason.usual:.2f} is usual" in by_hand
    said = succeed("analyze", finished.model, TEXT, "--reasons", "--json", cwd=tmp_path).json()
    assert said == json.loads(json.dumps(explained.to_json()))
    (tmp_path / "texts.jsonl").write_text('{"text": "He burned my letter."}')
    refuse("analyze", finished.model, "--jsonl", "texts.jsonl", "--reasons", cwd=tmp_path,
           says=["--reasons explains one text"], code=2)  # fmt: skip


@pytest.mark.slow
def test_the_sentence_that_decides_a_label_has_the_largest_share(tmp_path: Path) -> None:
    """In the village an end that is open decides fear."""
    plugins = tmp_path / "plugins.toml"
    plugins.write_text(
        'active = ["village", "lsa", "linear"]\n[plugins.village]\nenglish = 500\nkorean = 0\n[data]\nterms = 2000\n'
    )
    run = redheart.train("village", output=tmp_path / "run", plugins=plugins, encoder="lsa", progress=False)
    model = run.assemble()
    hits = []
    for index in range(10_000, 10_040):
        text = make_record(0, ENGLISH, index).text
        ends = [end for end in ENGLISH.open_ends if end.lower() in text.lower()]
        if ends:
            explained = model.explain(text, language="en")
            contributions = explained.reason("emotion", "fear").contributions
            (place,) = [place for place, part in enumerate(explained.parts) if ends[0].lower() in part.lower()]
            hits.append(contributions[place] == max(contributions))
    assert len(hits) >= 10
    assert sum(hits) >= 0.8 * len(hits)
