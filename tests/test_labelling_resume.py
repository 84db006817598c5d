"""Labelling that is stopped and goes on: nothing is lost, nothing is paid for twice, and what is not known is said."""

from __future__ import annotations

import errno
import io
import json
import os
import random
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import attrs
import pytest
from labelling_bench import KEY, ONCE, QUICK, Bench, bench, texts, write_texts
from language_model import LanguageModel, Request, Response, labels, said
from own_process import started

from redheart_core import DataError
from redheart_core.storage.files import FileError
from redheart_core.storage.locks import locked
from redheart_labelling.endpoint import Protocol, read_endpoint
from redheart_labelling.label import label_file
from redheart_labelling.schema_option import read_schema
from redheart_labelling.settings import Effort, Question

__all__ = ["bench"]

FIELDS = "emotion,regret"
KEYS = {"OPENAI_API_KEY": KEY, "ANTHROPIC_API_KEY": KEY}


def command(model: LanguageModel, protocol: Protocol, folder: Path, lines: list[str]) -> list[str | Path]:
    return [
        "data", "label", write_texts(folder, lines), "--schema", FIELDS, "--endpoint", model.url(protocol),
        "--protocol", protocol, "--model", "made-up", "-o", folder / "labels", "--passes", "2", "--json",
    ]  # fmt: skip


def slow(request: Request) -> Response:
    return said(request, labels(FIELDS, request.text, request.number), after_s=0.02)


@pytest.mark.slow
def test_killed_at_random_moments_and_resumed_pays_for_no_answer_twice(bench: Bench) -> None:
    """Answers that are lost are at most those to requests that were on their way, and these are known."""
    generator, lines, kills = random.Random(5), texts(60), 0
    with LanguageModel(FIELDS, slow) as model:
        given = command(model, "openai", bench.folder, lines)
        for _ in range(4):
            with started(*given, cwd=bench.folder, more=KEYS) as running:
                before = len(model.requests)
                running.wait_until(lambda: len(model.requests) > before)  # noqa: B023  # called in this turn
                time.sleep(generator.uniform(0.0, 0.08))
                running.send(signal.SIGKILL)
                kills += running.wait().code == -signal.SIGKILL
        with started(*given, cwd=bench.folder, more=KEYS) as running:
            answer = running.wait()
        assert answer.code == 0, answer.err
        summary, replies = answer.json(), len(model.requests)
        assert kills >= 2
        wanted = 2 * 60 + 3
        assert (summary["labelled"], summary["answered"], summary["requests"]["right"]) == (60, wanted, wanted)
        cut_off = summary["requests"]["cut_off"]
        assert summary["requests"]["sent"] == wanted + cut_off
        assert wanted <= replies <= wanted + cut_off
        assert 0 < cut_off <= kills * QUICK.concurrency
        assert summary["reported"] == {"input": 200 * wanted, "output": 40 * wanted}
        assert summary["assumed"]["input"] > 200 * cut_off
        asked = Counter(json.dumps(line["job"]) for line in bench.journal("asked"))
        assert len(asked) == wanted
        assert sum(asked.values()) - wanted == cut_off
        with started(*given, cwd=bench.folder, more=KEYS) as running:
            assert running.wait().json() == summary
        assert len(model.requests) == replies
    assert [record["text"] for record in bench.records()] == lines
    assert [path for path in bench.folder.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()] == []


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_command_keeps_the_answers_that_are_on_their_way(bench: Bench, number: signal.Signals) -> None:
    with LanguageModel(FIELDS, lambda r: attrs.evolve(slow(r), after_s=0.5)) as model:
        given = command(model, "openai", bench.folder, texts(60))
        with started(*given, cwd=bench.folder, more=KEYS) as running:
            running.wait_until(lambda: len(model.requests) >= 6)
            running.send(number)
            answer = running.wait()
        assert answer.code == 128 + number, answer.err
        assert answer.err.splitlines()[-1].endswith("; the same command goes on where it was")
        assert "Traceback" not in answer.err
        assert len(bench.journal("asked")) == len(bench.journal("labelled")) == len(model.requests) < 20


def test_the_reply_that_comes_last_is_waited_for_as_well(bench: Bench) -> None:
    """The thread that is waited for when a signal comes need not be the first to end."""

    def reply(request: Request) -> Response:
        if request.number == 3:
            signal.raise_signal(signal.SIGINT)
        return attrs.evolve(slow(request), after_s=1.0 if request.text.endswith("letter 0 and burnt it.") else 0.3)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # it is ignored where tests run in the background
    try:
        with LanguageModel(FIELDS, reply) as model, pytest.raises(KeyboardInterrupt):
            bench.label(model, texts(20))
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(bench.journal("labelled")) == len(bench.journal("asked")) >= 3


def test_half_a_line_at_the_end_is_cut_off_and_its_answer_asked_for_again(bench: Bench) -> None:
    journal = bench.output / "journal.jsonl"
    with LanguageModel(FIELDS) as model:
        first = bench.label(model, texts(3))
        whole = journal.read_bytes()
        for lost in (1, 40, len(whole.splitlines(keepends=True)[-1]) - 1):
            journal.write_bytes(whole[:-lost])
            again = bench.label(model, texts(3))
            assert (again.answered, again.requests.cut_off) == (3, 1)
            assert again.requests.sent == first.requests.sent + 1
    assert len(bench.records()) == 3


def test_a_journal_without_a_whole_line_is_begun_anew(bench: Bench) -> None:
    bench.output.mkdir()
    (bench.output / "journal.jsonl").write_bytes(b'{"endpoint": "127')
    with LanguageModel(FIELDS) as model:
        assert bench.label(model, texts(2)).answered == 2


@pytest.mark.parametrize("line", [1, 2, 5])
def test_a_damaged_line_is_refused_by_its_number(bench: Bench, line: int) -> None:
    journal = bench.output / "journal.jsonl"
    with LanguageModel(FIELDS) as model:
        bench.label(model, texts(3))
        lines = journal.read_bytes().splitlines(keepends=True)
        lines[line - 1] = lines[line - 1].replace(b"1", b"2", 1)
        journal.write_bytes(b"".join(lines))
        asked = len(model.requests)
        with pytest.raises(DataError, match=rf"journal.jsonl line {line} is damaged: .*seal.*restore it from a copy"):
            bench.label(model, texts(3))
        assert len(model.requests) == asked


def test_a_journal_from_which_a_line_was_taken_is_refused(bench: Bench) -> None:
    journal = bench.output / "journal.jsonl"
    with LanguageModel(FIELDS) as model:
        bench.label(model, texts(1))
        header, _, answer = journal.read_bytes().splitlines(keepends=True)
        journal.write_bytes(header + answer)
        with pytest.raises(DataError, match=r"line 2: it is the outcome of request 1, which was not asked"):
            bench.label(model, texts(1))


def test_a_full_disk_ends_the_command_and_the_next_goes_on(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written behind half a line."""
    lines, written, any_other = texts(20), list[int](), Path.open

    class Full(io.FileIO):
        def write(self, data: Any) -> int:
            written.append(len(data))
            if len(written) > 20:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(data[: len(data) // 2] if len(written) % 2 else data)

    def opened(path: Path, mode: str = "r", *more: Any, **named: Any) -> Any:
        return Full(path, mode) if mode == "ab" else any_other(path, mode, *more, **named)

    with LanguageModel(FIELDS) as model:
        with monkeypatch.context() as patch:
            patch.setattr(Path, "open", opened)
            with pytest.raises(FileError, match=r"cannot write .*journal.jsonl: No space left.*free some space"):
                bench.label(model, lines)
        assert len(written) <= 20 + QUICK.concurrency
        before = len(bench.journal("asked"))
        summary = bench.label(model, lines)
        assert (summary.answered, len(bench.records())) == (20, 20)
        assert summary.requests.sent == len(bench.journal("asked")) == 20 + summary.requests.cut_off
        assert len(model.requests) <= summary.requests.sent
        assert before > 0


def test_a_folder_with_other_files_is_left_alone(bench: Bench) -> None:
    (bench.folder / "plugins.toml").write_text("mine")
    with LanguageModel(FIELDS) as model:
        source = write_texts(bench.folder, texts(1))
        question = Question(read_schema("regret"), read_endpoint(model.url()), "made-up")
        with pytest.raises(DataError, match=r"holds no labels but other files \(plugins.toml, posts.txt\); name a new"):
            label_file(source, bench.folder, question)
        assert model.requests == []
    assert (bench.folder / "plugins.toml").read_text() == "mine"


def test_a_changed_plugins_toml_is_kept(bench: Bench) -> None:
    with LanguageModel(FIELDS) as model:
        bench.label(model, texts(1))
        plugins = bench.output / "plugins.toml"
        plugins.write_text("changed")
        bench.label(model, texts(2))
    assert plugins.read_text() == "changed"


def test_another_question_needs_another_folder(bench: Bench) -> None:
    with LanguageModel(FIELDS) as model:
        bench.label(model, texts(2))
        with pytest.raises(DataError, match=r"labels was labelled with another question: fields emotion, regret there"):
            bench.label(model, texts(2), "emotion")
        with pytest.raises(DataError, match=r"temperature None there, 0.5 now; name another folder"):
            bench.label(model, texts(2), question={"temperature": 0.5})
        assert len(model.requests) == 2


def test_two_commands_do_not_work_in_one_folder(bench: Bench) -> None:
    bench.output.mkdir()
    with LanguageModel(FIELDS) as model, locked(bench.output):
        with pytest.raises(FileError, match="another process is at work"):
            bench.label(model, texts(2))
        assert model.requests == []


def test_more_texts_and_more_passes_cost_only_what_is_new(bench: Bench) -> None:
    with LanguageModel(FIELDS) as model:
        bench.label(model, texts(3))
        bench.label(model, texts(5))
        assert len(model.requests) == 5
        bench.label(model, texts(5), effort=Effort(passes=3, relabel=0.0))
        assert len(model.requests) == 15
        changed = ["I wrote another letter.", *texts(5)[1:]]
        bench.label(model, changed)
        assert len(model.requests) == 16
    assert [record["text"] for record in bench.records()] == changed


def test_a_request_is_on_disk_before_it_is_sent(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill between the two can hide nothing that was paid for."""
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(len(bench.journal("asked"))))

    def behave(request: Request) -> Response:
        assert synced[-1] >= request.number
        return said(request, labels(FIELDS, request.text))

    with LanguageModel(FIELDS, behave) as model:
        assert bench.label(model, texts(3), transport=attrs.evolve(QUICK, concurrency=1)).answered == 3


def test_wrong_answers_before_a_kill_count_among_the_attempts(bench: Bench) -> None:
    journal = bench.output / "journal.jsonl"
    with LanguageModel(FIELDS, lambda request: said(request, "no")) as model:
        bench.label(model, texts(1), effort=attrs.evolve(ONCE, attempts=3))
        lines = journal.read_bytes().splitlines(keepends=True)
        assert len(lines) == 1 + 3 * 2 + 1
        for kept, more in ((5, 1), (7, 0)):  # two wrong answers; three, and not yet given up
            journal.write_bytes(b"".join(lines[:kept]))
            before = len(model.requests)
            summary = bench.label(model, texts(1), effort=attrs.evolve(ONCE, attempts=3))
            assert len(model.requests) - before == more
            (reason,) = summary.failed.values()
            assert reason.startswith("3 wrong answers, the last: the answer is not JSON")
