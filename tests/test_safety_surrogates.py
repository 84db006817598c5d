"""A text with half of a surrogate pair, which UTF-8 does not have, is searched for signs, and refused after that."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from front_door import Finished, redheart

import redheart as api
from redheart_core import DataError
from redheart_core.safety.grams import grams
from redheart_core.safety.help import help_for_text

HALVES = ["\ud800", "\udfff", "\udc80"]
CALM = ["{}", "I met {} at the fence.", "wo{}rd", "나는 {} 친구를 만났다.", "친{}구"]
CRISES = {"en": "I want to die. {}", "ko": "나는 죽고 싶어요. {}"}


@pytest.mark.parametrize("half", HALVES, ids=ascii)
@pytest.mark.parametrize("text", CALM)
def test_a_text_with_half_a_pair_has_pieces_and_gets_no_help_without_a_sign(text: str, half: str) -> None:
    assert grams(text.format(half))
    assert help_for_text(text.format(half)) is None


@pytest.mark.parametrize("half", HALVES, ids=ascii)
@pytest.mark.parametrize("language", sorted(CRISES))
def test_half_a_pair_hides_no_sign(language: str, half: str) -> None:
    found = help_for_text(CRISES[language].format(half))
    assert found is not None
    assert found.language == language


def test_analyze_refuses_half_a_pair_by_name(finished: Finished) -> None:
    model = api.load(finished.model)
    for text in (*CALM, *CRISES.values()):
        with pytest.raises(DataError, match=r"lone surrogate, U\+D800"):
            model.analyze(text.format("\ud800"))


def test_the_command_refuses_it_as_an_argument_with_help_first_and_as_a_line(
    finished: Finished, tmp_path: Path
) -> None:
    calm = redheart("analyze", finished.model, "I met \udc80 at the fence.", cwd=tmp_path)  # as Python reads such bytes
    crisis = redheart("analyze", finished.model, CRISES["en"].format("\udc80"), cwd=tmp_path)
    for answer in (calm, crisis):
        assert (answer.code, "Traceback" in answer.err) == (1, False)
        assert "lone surrogate, U+DC80" in answer.err
    assert "988" in crisis.out + crisis.err
    assert "988" not in calm.out + calm.err
    texts = ["I met \ud800 at the fence.", CRISES["en"].format("\ud800"), "I met her at the fence."]
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    answer = redheart("analyze", finished.model, "--jsonl", "-", given=lines.encode(), cwd=tmp_path)
    assert answer.code == 4
    first, second, third = (json.loads(line) for line in answer.out.splitlines())
    assert "half of a surrogate pair" in first["refused"]
    assert "half of a surrogate pair" in second["refused"]
    assert "refused" not in third


CRISIS = "I want to kill myself."
HALF_A_LINE = json.dumps({"text": f"{CRISIS} \ud800"})
KOREAN = json.dumps({"text": "나는 죽고 싶어요."})
UNREADABLE = {
    "half a pair": (HALF_A_LINE.encode(), "half of a surrogate pair"),
    "broken JSON": (HALF_A_LINE[:-1].encode(), "broken JSON"),
    "broken JSON with escapes": (KOREAN[:-1].encode(), "broken JSON"),
    "a key twice": (b'{"text": "I want to kill myself.", "text": "no"}', "stands twice"),
    "no object": (json.dumps([CRISIS]).encode(), "expects a JSON object"),
    "not UTF-8": (f'{{"text": "{CRISIS} caf'.encode() + b'\xe9"}', "not UTF-8"),
}
HARMLESS = json.dumps({"text": "I met \ud800 at the fence."})[:-1].encode()


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_line_that_cannot_be_read_gets_help_for_what_can_be_read_of_it(
    finished: Finished, tmp_path: Path, name: str
) -> None:
    line, says = UNREADABLE[name]
    answer = redheart(
        "analyze", finished.model, "--jsonl", "-", "--country", "US", given=line + b"\n" + HARMLESS, cwd=tmp_path
    )
    assert answer.code == 4
    first, second = (json.loads(one) for one in answer.out.splitlines())
    assert says in first["refused"]
    assert next(iter(first)) == "help"
    assert "988" in first["help"]["text"]
    assert "help" not in second
    (tmp_path / "texts.jsonl").write_bytes(line)
    model = api.load(finished.model, country="US")
    model.analyze_file(tmp_path / "texts.jsonl", tmp_path / "out.jsonl", progress=False)
    assert json.loads((tmp_path / "out.jsonl").read_text())["help"]["text"] == first["help"]["text"]


def test_a_row_of_a_table_and_a_file_that_cannot_be_read_get_help_too(finished: Finished, tmp_path: Path) -> None:
    model = api.load(finished.model, country="US")
    (tmp_path / "texts.csv").write_text(f"text,id\n{CRISIS},1,2\n")
    model.analyze_file(tmp_path / "texts.csv", tmp_path / "out.jsonl", progress=False)
    (line,) = (json.loads(one) for one in (tmp_path / "out.jsonl").read_text().splitlines())
    assert "has 3 cells" in line["refused"]
    assert "988" in line["help"]["text"]
    (tmp_path / "post.txt").write_bytes(f"{CRISIS} caf".encode() + b"\xe9")
    answer = redheart("analyze", finished.model, "--file", "post.txt", "--country", "US", cwd=tmp_path)
    assert (answer.code, "988" in answer.out, "not UTF-8" in answer.err) == (1, True, True)
    answer = redheart("analyze", finished.model, "--file", "post.txt", "--country", "US", "--json", cwd=tmp_path)
    assert (answer.code, next(iter(json.loads(answer.out)))) == (1, "help")


@pytest.mark.parametrize("given", [f'{{"acts": ["{CRISIS}", ', json.dumps([CRISIS])])
def test_a_dilemma_and_a_query_that_cannot_be_read_get_help_too(tmp_path: Path, given: str) -> None:
    (tmp_path / "dilemma.json").write_text(given)
    answer = redheart("decide", "--file", "dilemma.json", "--country", "US", cwd=tmp_path)
    assert (answer.code, "988" in answer.out, "JSON" in answer.err) == (1, True, True)
    answer = redheart("decide", "--file", "dilemma.json", "--country", "US", "--json", cwd=tmp_path)
    assert (answer.code, next(iter(json.loads(answer.out)))) == (1, "help")
    query = f"{CRISIS} caf".encode() + b"\xe9"
    answer = redheart("memory", "search", "--memory", "cases.db", "--country", "US", given=query, cwd=tmp_path)
    assert (answer.code, "988" in answer.out, "not UTF-8" in answer.err) == (1, True, True)
