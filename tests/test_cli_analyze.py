"""`redheart analyze`: every way to give a text, and every text that is refused."""

from __future__ import annotations

import json
import math
from pathlib import Path

import jsonschema
import pytest
from front_door import Finished, redheart, refuse, succeed
from own_process import redheart_process

from redheart import load
from redheart.analysis_json import schema
from redheart.page import UNLIMITED

TEXT = "I told my neighbour the truth about the fence, and now he avoids me."
EMOTIONS = ["joy", "trust", "fear", "surprise", "sadness", "disgust", "anger"]


def test_each_number_comes_with_label_source_and_distance_from_the_training_mean(
    finished: Finished, tmp_path: Path
) -> None:
    said = succeed("analyze", finished.model, TEXT, "--json", cwd=tmp_path).json()
    jsonschema.Draft202012Validator(schema()).validate(said)
    findings = said["findings"]
    manifest = json.loads((finished.model / "manifest.json").read_text())
    (emotion,) = [one for one in findings if (one["plugin"], one["field"]) == ("emotion_head", "emotion")]
    assert [value["label"] for value in emotion["values"]] == EMOTIONS
    assert math.fsum(value["value"] for value in emotion["values"]) == pytest.approx(1.0, abs=1e-6)
    for finding in findings:
        assert finding["epoch"] == manifest["groups"][finding["group"]]["epoch"]
        for value in finding["values"]:
            known = manifest["statistics"][finding["field"]][value["label"]]
            assert value["training_mean"] == known["mean"]
            assert value["deviations"] * known["std"] == pytest.approx(value["value"] - known["mean"])
    by_hand = succeed("analyze", finished.model, TEXT, "--details", cwd=tmp_path).out.split("\n\n")[1]
    (line,) = [line for line in by_hand.splitlines() if line.split()[:2] == ["emotion", "joy"]]
    (answer,) = [one for one in said["answers"] if one["field"] == "emotion"]
    (joy,) = [value for value in answer["values"] if value["label"] == "joy"]
    assert line.split()[2] == f"{joy['value']:.3f}"
    assert line.split()[-5:] == ["emotion_head:", "the", "answer", str(emotion["epoch"]), "-"]
    assert "emotion: share of each emotion in the scenario" in by_hand.splitlines()


def test_one_answer_per_task_is_printed_and_what_stands_behind_it_on_demand(finished: Finished, tmp_path: Path) -> None:
    said = succeed("analyze", finished.model, TEXT, "--json", cwd=tmp_path).json()
    answers = {answer["field"]: answer for answer in said["answers"]}
    assert len(answers) == len(said["answers"])
    assert answers.keys() == {finding["field"] for finding in said["findings"]}
    emotion, regret = answers["emotion"], answers["regret"]
    assert (emotion["plugin"], emotion["members"], emotion["fused"]) == ("emotion_head", [], False)
    assert {regret["plugin"], *regret["members"]} == {"regret_head", "neural_regret.regret"} or {
        regret["plugin"], *regret["members"]
    } == {"neural_regret", "regret_head.regret"}  # fmt: skip
    shares = [value["value"] for value in emotion["values"]]
    assert shares == sorted(shares, reverse=True)
    by_hand = succeed("analyze", finished.model, TEXT, "--details", cwd=tmp_path).out
    assert f"{regret['plugin']}, best of 2: the answer" in by_hand
    layers = by_hand.split("\n\n")[2].splitlines()
    assert layers[0].split() == ["layer", "score", "usual", "up", "to", "says"]
    assert [line.split()[0] for line in layers[1:]] == [one["layer"] for one in (*said["limits"], *said["remarks"])]


def test_argument_file_and_standard_input_give_the_same_numbers(finished: Finished, tmp_path: Path) -> None:
    korean = "동생이 가게를 연다며 내 적금을 빌려 갔는데 모두 잃었다. 나는 화가 났지만 용서했다."
    (tmp_path / "text.txt").write_text(korean, encoding="utf-8")
    said = succeed("analyze", finished.model, korean, "--json", cwd=tmp_path).json()
    assert succeed("analyze", finished.model, "--file", "text.txt", "--json", cwd=tmp_path).json() == said
    assert succeed("analyze", finished.model, "--json", given=korean.encode(), cwd=tmp_path).json() == said
    assert {finding["plugin"] for finding in said["findings"]} == {
        "emotion_head",
        "regret_head",
        "neural_regret",
        "neural_surd",
    }


def test_json_lines_answer_each_line_and_refuse_single_ones(finished: Finished, tmp_path: Path) -> None:
    records = [
        {"id": "a", "text": TEXT},
        {"id": "b", "text": "2026"},
        {"id": "c"},
        {"id": "d", "text": "친구를 도왔다."},
    ]
    lines = "".join(json.dumps(record) + "\n" for record in records).encode()
    answer = redheart_process("analyze", finished.model, "--jsonl", "-", given=lines, cwd=tmp_path)
    assert answer.code == 4
    assert "Traceback" not in answer.err
    results = [json.loads(line) for line in answer.out.splitlines()]
    assert [result["id"] for result in results] == ["a", "b", "c", "d"]
    assert ["refused" in result for result in results] == [False, True, True, False]
    assert "standard input line 2: the text has no letter, '2026'" in results[1]["refused"]
    assert "standard input line 3: expects a 'text', got an object of id" in results[2]["refused"]
    del results[0]["id"]
    assert results[0] == succeed("analyze", finished.model, TEXT, "--json", cwd=tmp_path).json()


def test_a_text_in_a_form_that_cannot_be_analyzed_is_refused_with_the_reason(
    finished: Finished, tmp_path: Path
) -> None:
    reasons = {
        " \n\t": ["the text is empty", "give at least a sentence"],
        "a " * 500_000: ["has 1,000,000 characters", "100,000 are allowed", "split it"],
        "010-1234-5678": ["has no letter, '010-1234-5678'", "in words"],
        "a bell \x07 rings": ["a control character, U+0007, at position 8", "remove it"],
        "Ὦ ξεῖν’ ἀγγέλλειν Λακεδαιμονίοις": ["knows no part of it", "in this language"],
    }
    (tmp_path / "texts.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in reasons))
    answer = redheart("analyze", finished.model, "--jsonl", "texts.jsonl", cwd=tmp_path)
    assert answer.code == 4
    assert "Traceback" not in answer.err
    for number, (line, says) in enumerate(zip(answer.out.splitlines(), reasons.values(), strict=True), 1):
        refused = json.loads(line)["refused"]
        assert all(part in refused for part in [f"texts.jsonl line {number}: ", *says])


@pytest.mark.parametrize(
    ("arguments", "given", "says"),
    [
        ([""], b"", ["text: the text is empty", "give at least a sentence"]),
        ([], b"a " * 500_000, ["standard input", "has 1,000,000 characters", "100,000 are allowed", "split it"]),
        ([], b"caf\xe9 au lait", ["standard input: not UTF-8 (byte 3)"]),
        (["--file", "latin.txt"], b"", ["latin.txt: not UTF-8 (byte 3)", "save it as UTF-8"]),
        (["--file", "none.txt"], b"", ["none.txt", "No such file"]),
        (["--jsonl", "none.jsonl"], b"", ["no such file: none.jsonl"]),
    ],
    ids=["empty", "long", "bytes", "file", "missing", "missing lines"],
)
def test_a_source_that_cannot_be_read_is_refused_with_the_reason(
    finished: Finished, tmp_path: Path, arguments: list[str], given: bytes, says: list[str]
) -> None:
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    refuse("analyze", finished.model, *arguments, given=given, cwd=tmp_path, says=says)


def test_two_texts_at_once_are_a_mistake_of_usage(finished: Finished, tmp_path: Path) -> None:
    refuse("analyze", finished.model, TEXT, "--file", "x", cwd=tmp_path, says=["give one of TEXT"], code=2)


def test_the_name_of_a_file_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "post.txt").write_text(TEXT)
    for given in (("post.txt",), ("model", "post.txt")):
        refuse("analyze", *given, cwd=tmp_path, code=2, says=["'post.txt' is a file; --file takes one text out of it"])


def test_the_language_is_detected_or_stated_and_the_model_is_silent_on_others(
    finished: Finished, tmp_path: Path
) -> None:
    fields = sorted(json.loads((finished.model / "manifest.json").read_text())["answers"])
    german = "Ich habe meinem Nachbarn die Wahrheit über den Zaun gesagt, und jetzt meidet er mich."
    said = succeed("analyze", finished.model, german, "--json", cwd=tmp_path).json()
    assert (said["language"]["code"], said["language"]["stated"]) == ("de", False)
    assert (said["answers"], said["findings"]) == ([], [])
    assert [one["field"] for one in said["abstentions"]] == fields
    page = succeed("analyze", finished.model, german, cwd=tmp_path).out.splitlines()
    assert page[0] == "language: German; the model answers nothing on this text"
    reason = "measured on English and Korean texts alone, and this text is German"
    assert page[1:] == [f"NOT ANSWERED: {', '.join(fields)}: {reason}; what would help: the text in English or Korean"]
    said = succeed("analyze", finished.model, german, "--language", "en", "--json", cwd=tmp_path).json()
    assert said["language"] == {"code": "en", "probability": None, "stated": True}
    assert sorted(answer["field"] for answer in said["answers"]) == fields
    refuse("analyze", finished.model, german, "--language", "english", cwd=tmp_path, says=["a code such as en or ko"])


def test_a_line_states_its_own_language(finished: Finished, tmp_path: Path) -> None:
    records = [{"text": TEXT}, {"text": TEXT, "language": "de"}, {"text": TEXT, "language": 7}]
    lines = "".join(json.dumps(record) + "\n" for record in records).encode()
    answer = redheart("analyze", finished.model, "--jsonl", "-", "--language", "ko", given=lines, cwd=tmp_path)
    korean, german, number = (json.loads(line) for line in answer.out.splitlines())
    assert (korean["language"]["code"], korean["abstentions"]) == ("ko", [])
    assert (german["language"]["code"], german["answers"]) == ("de", [])
    assert "line 3: the language has to be a code such as en or ko, got 7" in number["refused"]


def test_what_is_not_installed_is_said_once_per_command_with_how_to_get_it(
    finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    how = "no encoder: pip install some-encoder"
    monkeypatch.setattr("redheart_core.models.model.missing_resources", lambda nodes: {"neural_surd": how})
    (tmp_path / "posts.jsonl").write_text(f'{{"text": "{TEXT}"}}\n' * 3, encoding="utf-8")
    for options in (["--jsonl", "posts.jsonl"], [TEXT], [TEXT, "--json"], [TEXT, "--details"]):
        answer = succeed("analyze", finished.model, *options, cwd=tmp_path)
        assert (answer.out + answer.err).count(how) == 1
        lines = [line for line in answer.err.splitlines() if UNLIMITED not in line]  # the small model has no limits
        assert lines == [f"neural_surd abstains: {how}"]
    lines = succeed("analyze", finished.model, "--jsonl", "posts.jsonl", cwd=tmp_path).out.splitlines()
    assert [json.loads(line)["absent"] for line in lines] == [["neural_surd"]] * 3


def test_analyses_of_a_list_name_what_is_not_installed_and_the_model_says_how_to_get_it(
    finished: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    how = "no encoder: pip install some-encoder"
    monkeypatch.setattr("redheart_core.models.model.missing_resources", lambda nodes: {"neural_surd": how})
    model = load(finished.model)
    assert model.absent == {"neural_surd": how}
    for found in model.analyze([TEXT, TEXT]):
        assert found.absent == ("neural_surd",)
        assert "not installed here, and without an answer: neural_surd" in found.page.notes
        assert how not in found._repr_html_() + str(found.to_json())
