"""redheart analyze --texts that is killed and resumed leaves the same bytes as one that is not."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from front_door import Finished, succeed
from own_process import started

from redheart.analyzing import WINDOW

WORDS = ("garden", "letter", "brother", "boss", "house", "fence", "roof", "snow")
COUNT = 5 * WINDOW // 2


def write_texts(folder: Path) -> Path:
    """Texts of different lengths, some of which are refused, in two windows and a half."""
    lines = [
        "12345" if number % 97 == 0 else " ".join(WORDS[(number * step) % 8] for step in range(1, 3 + number % 19))
        for number in range(COUNT)
    ]
    (folder / "texts.txt").write_text("".join(f"My {line}.\n" for line in lines))
    return folder / "texts.txt"


def lines_of(file: Path) -> int:
    return file.read_bytes().count(b"\n") if file.exists() else 0


@pytest.fixture(scope="module")
def whole(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of the command that nothing has stopped."""
    folder = tmp_path_factory.mktemp("whole")
    write_texts(folder)
    for output in ("out.jsonl", "out.csv"):
        succeed("analyze", finished.model, "--texts", "texts.txt", "--language", "en", "-o", output, cwd=folder)
    assert lines_of(folder / "out.jsonl") == COUNT
    return folder


@pytest.mark.slow
def test_killed_twice_and_resumed_the_output_is_the_same_to_the_last_byte(
    finished: Finished, whole: Path, tmp_path: Path
) -> None:
    write_texts(tmp_path)
    output = tmp_path / "out.jsonl"
    command = ("analyze", finished.model, "--texts", "texts.txt", "--language", "en", "-o", "out.jsonl")
    for turn in (1, 2):
        before = lines_of(output)
        with started(*command, cwd=tmp_path) as process:
            process.wait_until(lambda: lines_of(output) >= max(WINDOW, before + 1))  # noqa: B023 - called in this turn
            process.send(signal.SIGKILL)
            assert process.wait().code == -signal.SIGKILL, turn
        assert before < lines_of(output) < COUNT
    answer = succeed(*command, cwd=tmp_path)
    assert "of them before" in answer.err
    assert output.read_bytes() == (whole / "out.jsonl").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("output", ["out.jsonl", "out.csv"])
@pytest.mark.parametrize("share", [0.0, 0.03, 0.39, 0.41, 0.77, 1.0])
def test_cut_off_anywhere_and_resumed_it_is_too(
    finished: Finished, whole: Path, tmp_path: Path, output: str, share: float
) -> None:
    write_texts(tmp_path)
    given, origin = (whole / output).read_bytes(), f"{output}.origin.json"
    (tmp_path / origin).write_bytes((whole / origin).read_bytes())
    (tmp_path / output).write_bytes(given[: int(len(given) * share)])
    succeed("analyze", finished.model, "--texts", "texts.txt", "--language", "en", "-o", output, cwd=tmp_path)
    assert (tmp_path / output).read_bytes() == given
