"""Of a text with a sign of a crisis a memory keeps nothing: whichever voter sees it, whichever way the text comes."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

import redheart
from redheart.crisis import CrisisError
from redheart.memory import Memory
from redheart_cli.main import cli
from redheart_core import DataError
from redheart_core.memory.case import make_case
from redheart_core.memory.exchange import export_lines
from redheart_core.memory.opening import open_cases
from redheart_core.safety import adapted
from redheart_core.safety.signs import Searched, search_text

WORDS = "I told my neighbour the truth about the fence, and now I want to die."
VECTORS = "The rope is in the boot and the forest is quiet at this hour."
"""Its words alone have no sign."""
ADAPTERS = "I told my brother that I had sold the boat."
"""Harmless; the adapters are made to see a sign in it."""
HARMLESS = "My neighbour lent me her car, and I was glad of it."
OPENED = redheart.load("ready")


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    with redheart.memory.open(tmp_path / "cases.db", OPENED) as opened:
        yield opened


@pytest.fixture(autouse=True)
def third_voter(monkeypatch: pytest.MonkeyPatch) -> None:
    """The adapters see a crisis in one text and stay out of the others."""

    def score(searched: Searched, second: Sequence[float]) -> list[float | None]:
        return [1000.0 if searched.text == ADAPTERS else None] * len(second)

    monkeypatch.setattr(adapted, "score_sentences", score)


def by_add(memory: Memory, text: str, folder: Path) -> None:
    memory.add(text)


def by_records(memory: Memory, text: str, folder: Path) -> None:
    memory.add_records([("line 1", {"text": HARMLESS}), ("line 2", {"text": text})])


def by_exported_lines(memory: Memory, text: str, folder: Path) -> None:
    """As of a memory that took the text at another time."""
    vector: NDArray[Any] = OPENED.encoder.encode_text(text, "text")[0].numpy()[0]
    other = open_cases(folder / f"of {len(text)}.db", OPENED.assembled.encoder_identity)
    other.add([make_case("a", vector, len(vector), labels={}, text=text)])
    memory.add_records([(f"line {number}", json.loads(one)) for number, one in enumerate(export_lines(other), 1)])


WAYS = (by_add, by_records, by_exported_lines)


@pytest.mark.parametrize("text", [WORDS, VECTORS, ADAPTERS])
@pytest.mark.parametrize("way", WAYS)
def test_no_way_in_keeps_anything_of_a_crisis_that_any_voter_sees(
    way: Callable[[Memory, str, Path], None], text: str, memory: Memory, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="it has a sign of a crisis, so nothing of it is kept"):
        way(memory, text, tmp_path)
    assert len(memory) == 0
    way(memory, HARMLESS, tmp_path)
    assert len(memory)


def test_the_training_split_is_loaded_without_such_texts(memory: Memory, tmp_path: Path) -> None:
    assert not search_text(VECTORS).signs()
    path = tmp_path / "own.csv"
    texts = [WORDS, VECTORS, ADAPTERS, HARMLESS, "We ate soup on the stairs and she told me of the sea."]
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(
            [("id", "t", "r", "s"), *((str(n), one, "0.5", "train") for n, one in enumerate(texts, 2))]
        )
    columns = {"csv.text": "t", "csv.split": "s", "csv.fields": {"regret": "r"}, "csv.language": "en"}
    loaded = memory.load(data="csv", settings={"csv.path": str(path), **columns}, keep_text=True, progress=False)
    assert (loaded.there, loaded.unknown, loaded.crisis) == (0, 0, 3)
    kept = {case.text for case in memory.cases.cases()}
    assert len(kept) == loaded.added > 0
    assert kept <= {HARMLESS, texts[-1]}


def test_who_can_help_is_known_where_a_text_is_refused(memory: Memory, tmp_path: Path) -> None:
    with pytest.raises(CrisisError) as refused:
        memory.add(VECTORS)
    assert refused.value.help.helplines
    done = CliRunner().invoke(
        cli, ["memory", "add", "--memory", str(tmp_path / "other.db"), "--model", "ready", VECTORS]
    )
    assert done.exit_code
    assert done.stdout.strip() == "\n".join(refused.value.help.lines())
