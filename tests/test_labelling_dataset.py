"""What a labelling leaves: a data set that a run reads at once, with its provenance, and the noise floor."""

from __future__ import annotations

import json
import math
import statistics
from pathlib import Path
from typing import Any

import pytest
from front_door import succeed
from labelling_bench import KEY, PROTOCOLS, Bench, bench, texts
from language_model import LanguageModel, Request, Response, fault, labels, said

from redheart_core import CATALOGUE, DataError
from redheart_labelling.endpoint import Protocol
from redheart_labelling.figures import mean
from redheart_labelling.plan import labelled_again
from redheart_labelling.settings import Effort
from redheart_labelling.texts import TextToLabel, read_texts

__all__ = ["bench"]

FIELDS = "emotion,regret,goemotions"


def differing(request: Request) -> Response:
    """Another answer to each request about a text."""
    return said(request, labels(FIELDS, request.text, request.number))


@pytest.mark.thorough  # the plain one, with a field of the catalogue and own ones, is in test_labelling_own_fields.py
def test_a_run_reads_the_labels_at_once_and_its_model_answers(bench: Bench) -> None:
    lines = [f"{line} It was {number} o'clock." for number, line in enumerate(texts(120))]
    with LanguageModel(FIELDS) as model:
        bench.label(model, lines, FIELDS)
    plugins = bench.output / "plugins.toml"
    small = ("--scale", "tiny", "--epochs", "2", "--set", "training.threads=1")
    shown = succeed("run", "--plugins", plugins, "-o", "run", *small, cwd=bench.folder)
    assert "variant on test" in shown.out
    index = json.loads((bench.folder / "run" / "store" / "index.json").read_text(encoding="utf-8"))
    assert index["coverage"] == dict.fromkeys(("emotion", "regret", "goemotions"), 120)
    found = succeed("analyze", "run/model", "--json", "--language", "en", lines[0], cwd=bench.folder).json()
    assert {one["field"] for one in found["findings"]} == {"emotion", "regret", "goemotions"}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_record_says_where_its_labels_are_from(bench: Bench, protocol: Protocol) -> None:
    with LanguageModel(FIELDS) as model:
        bench.label(model, texts(2), FIELDS, protocol, effort=Effort(passes=2, relabel=0.0))
    header = bench.journal("header")[0]
    for record in bench.records():
        origin = record["labelling"]
        assert {key: origin[key] for key in header if key not in ("line", "format")} == {
            key: value for key, value in header.items() if key not in ("line", "format")
        }
        assert origin["endpoint"] == model.address.removeprefix("http://")
        assert origin["protocol"] == protocol
        assert len(origin["prompt_sha256"]) == 64
        assert origin["passes"] == [1, 2]
        assert origin["usage"] == {"input": 400, "output": 80}
        for answer in origin["answers"]:
            assert answer["model"] == "made-up-1"
            assert answer["time"].endswith("+00:00")
            assert answer["usage"] == {"input": 200, "output": 40}
            assert model.requests[int(answer["reply"].removeprefix("reply-")) - 1].text == record["text"]


def test_several_passes_give_their_mean_and_variance(bench: Bench) -> None:
    with LanguageModel(FIELDS, differing) as model:
        bench.label(model, texts(4), FIELDS, effort=Effort(passes=3, relabel=0.0))
    for record in bench.records():
        numbers = [
            labels(FIELDS, record["text"], int(answer["reply"].removeprefix("reply-")))
            for answer in record["labelling"]["answers"]
        ]
        variances = record["labelling"]["variance"]
        assert record["regret"] == pytest.approx(statistics.fmean(one["regret"] for one in numbers), abs=1e-9)
        assert variances["regret"]["regret"] == pytest.approx(statistics.variance(one["regret"] for one in numbers))
        for label in CATALOGUE["emotion"].labels:
            given = [one["emotion"][label] for one in numbers]
            assert record["emotion"][label] == pytest.approx(statistics.fmean(given), abs=1e-9)
            assert variances["emotion"][label] == pytest.approx(statistics.variance(given))
        for label in CATALOGUE["goemotions"].labels:
            assert record["goemotions"][label] == round(statistics.fmean(one["goemotions"][label] for one in numbers))
        CATALOGUE["emotion"].to_numbers(record["emotion"], "here")


def test_one_pass_has_no_variance(bench: Bench) -> None:
    with LanguageModel(FIELDS) as model:
        bench.label(model, texts(1), FIELDS)
    (record,) = bench.records()
    assert record["labelling"]["variance"]["regret"] == {"regret": None}


def test_passes_that_are_divided_on_a_label_leave_it_missing() -> None:
    field = CATALOGUE["ekman"].with_labels("joy", "anger")
    passes = [{"ekman": {"joy": joy, "anger": 1.0}} for joy in (0.0, 1.0)]
    assert mean(field, passes) == {"joy": None, "anger": 1.0}
    assert mean(field, [*passes, {"ekman": {"joy": 1.0, "anger": 0.0}}]) == {"joy": 1.0, "anger": 1.0}


def test_a_share_of_the_texts_is_labelled_again_for_the_noise_floor(bench: Bench) -> None:
    with LanguageModel(FIELDS, differing) as model:
        summary = bench.label(model, texts(30), FIELDS, effort=Effort(relabel=0.2))
        assert len(model.requests) == 36
    pairs = []
    again = {line["request"]: line for line in bench.journal("labelled")}
    for asked in bench.journal("asked"):
        if asked["job"]["turn"] == 0:
            first = next(other for other in bench.journal("asked") if other["job"] == {**asked["job"], "turn": 1})
            pairs.append((again[first["request"]]["values"], again[asked["request"]]["values"]))
    differences = [one["regret"]["regret"] - two["regret"]["regret"] for one, two in pairs]
    noise = {one.field: one for one in summary.noise}["regret"]
    assert noise.pairs == len(pairs) == 6
    assert noise.mean_difference == pytest.approx(statistics.fmean(map(abs, differences)))
    assert noise.deviation == pytest.approx(math.sqrt(statistics.fmean(one * one / 2 for one in differences)))
    assert noise.between_passes is None
    firsts = {record["text"]: record["regret"] for record in bench.records()}
    assert sorted(firsts.values()) != sorted(two["regret"]["regret"] for _, two in pairs)
    assert all(len(record["labelling"]["answers"]) == 1 for record in bench.records())


def test_a_model_that_always_says_the_same_has_no_noise(bench: Bench) -> None:
    with LanguageModel(FIELDS) as model:
        summary = bench.label(model, texts(30), FIELDS, effort=Effort(passes=2, relabel=0.1))
    assert [(one.pairs, one.deviation, one.between_passes) for one in summary.noise] == [(3, 0.0, 0.0)] * 3


def test_the_texts_that_are_labelled_again_depend_on_the_seed_alone() -> None:
    given = [TextToLabel(str(number), f"text {number}", None) for number in range(200)]
    chosen = labelled_again(given, Effort())
    assert len(chosen) == 10
    assert chosen == labelled_again(given[::-1], Effort())
    assert chosen != labelled_again(given, Effort(seed=1))
    assert labelled_again(given[:3], Effort()) != frozenset()
    assert labelled_again(given, Effort(relabel=0.0)) == frozenset()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_key_goes_to_the_endpoint_alone_and_is_written_nowhere(
    bench: Bench, protocol: Protocol, capfd: pytest.CaptureFixture[str]
) -> None:
    """Not even where the endpoint repeats it."""

    def behave(request: Request) -> Response:
        assert [name for name, value in request.headers.items() if KEY in value] == ["authorization"]
        if request.number == 1:
            return fault(400, f"what a key: {KEY}")
        if request.number == 2:
            return said(request, f"{KEY} is the key", id_=KEY)
        return said(request, labels(FIELDS, request.text))

    with LanguageModel(FIELDS, behave) as model:
        summary = bench.label(model, texts(3), FIELDS, protocol)
    (reason,) = summary.unanswered.values()
    assert "what a key: [key]" in reason
    (wrong,) = bench.journal("wrong")
    assert (wrong["said"]["answer"], wrong["said"]["id"]) == ("[key] is the key", "[key]")
    written = [path for path in bench.folder.rglob("*") if path.is_file()]
    assert {path.name for path in written} >= {"journal.jsonl", "labels.jsonl", "summary.json", "plugins.toml"}
    assert [path.name for path in written if KEY.encode() in path.read_bytes()] == []
    shown = capfd.readouterr()
    assert KEY not in shown.out + shown.err


def test_ids_and_languages_of_a_table_are_kept(bench: Bench) -> None:
    source = bench.folder / "posts.csv"
    source.write_text("id,body,language\n7,나는 울었다.,ko\n9,비가 왔다.,ko\n", encoding="utf-8")
    found = read_texts(source, "body")
    assert found == (TextToLabel("7", "나는 울었다.", "ko"), TextToLabel("9", "비가 왔다.", "ko"))


ROWS: list[tuple[str, str, str]] = [
    ("posts.jsonl", '{"id": 1, "text": "a"}\n{"id": "1", "text": "b"}\n', "line 2: the id .1. is that of"),
    ("posts.jsonl", '{"id": 1, "text": " "}\n{"text": 5}\n', "2 rows cannot be used"),
    ("posts.jsonl", '{"id": 1.5, "text": "a"}\n', "expects text or a whole number in 'id', got 1.5"),
    ("posts.jsonl", '{"text": "a", "language": 3}\n', "expects a code such as 'en' in 'language', got 3"),
    ("posts.txt", "\n\n", "holds no texts"),
    ("posts.pdf", "", "expects a .txt"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "message"), ROWS)
def test_a_file_is_refused_before_anything_is_paid_for(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_texts(tmp_path / name, None)


def test_requests_hold_prompt_schema_and_limits_as_each_protocol_has_them(bench: Bench) -> None:
    bodies: dict[str, Any] = {}
    for protocol in PROTOCOLS:
        for structured in (True, False):
            with LanguageModel("regret") as model:
                folder = Bench(bench.folder / f"{protocol}-{structured}")
                folder.folder.mkdir()
                question = {"structured": structured, "temperature": 0.5}
                folder.label(model, ["I sold it."], "regret", protocol, question=question)
            bodies[f"{protocol}-{structured}"] = model.requests[0].body
    for body in bodies.values():
        assert (body["model"], body["temperature"]) == ("made-up", 0.5)
        assert json.loads(body["messages"][-1]["content"]) == {"text": "I sold it."}
    openai, anthropic = bodies["openai-True"], bodies["anthropic-True"]
    assert openai["max_completion_tokens"] == anthropic["max_tokens"] == 256
    assert openai["messages"][0] == {"role": "system", "content": anthropic["system"]}
    schema = {
        "type": "object",
        "properties": {"regret": {"type": "number"}},
        "required": ["regret"],
        "additionalProperties": False,
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "labels", "strict": True, "schema": schema}}
    assert openai["response_format"] == wanted
    assert anthropic["output_config"] == {"format": {"type": "json_schema", "schema": schema}}
    assert "response_format" not in bodies["openai-False"]
    assert "output_config" not in bodies["anthropic-False"]
