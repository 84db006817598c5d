"""A memory beside an analysis: named by its place or opened, for one text or many, in Python and in the terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from front_door import Finished, succeed
from test_api_json import check

import redheart
from redheart.main_job import EXAMPLE
from redheart_core.contract.errors import CaseMemoryError


@pytest.fixture(scope="module")
def loaded(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The training split of the finished run as a memory."""
    place = tmp_path_factory.mktemp("evidence") / "cases.db"
    with redheart.memory.open(place, finished.model) as memory:
        memory.load(run=finished.folder, progress=False)
    return place


def test_the_nearest_cases_stand_beside_the_answers_of_one_text_a_list_and_an_iterator(
    finished: Finished, loaded: Path
) -> None:
    model = redheart.load(finished.model)
    text = EXAMPLE
    alone = model.analyze(text, memory=loaded)
    assert alone.remembered
    assert alone.cases
    assert [one.distance for one in alone.cases] == sorted(one.distance for one in alone.cases)
    check(alone.to_json())
    assert any(note.startswith("nearest case ") for note in alone.page.notes)
    with redheart.memory.open(loaded, finished.model) as memory:
        expected = [one.case.id for one in memory.nearest(text, 5)]
        (listed,) = model.analyze([text], memory=memory)
        (iterated,) = model.analyze(iter([text]), memory=memory)
        assert len(memory) > 0  # it stays open
    for found in (alone, listed, iterated):
        assert [one.case.id for one in found.cases] == expected
    without = model.analyze(text)
    assert (without.cases, without.remembered) == ((), False)
    assert {one.field: one.values for one in without.answers} == {one.field: one.values for one in alone.answers}


def test_a_memory_that_is_not_there_is_an_error(finished: Finished, tmp_path: Path) -> None:
    with pytest.raises(CaseMemoryError, match="there is no memory of cases in"):
        redheart.load(finished.model).analyze(EXAMPLE, memory=tmp_path / "none.db")
    assert not (tmp_path / "none.db").exists()


def test_the_terminal_shows_them_and_json_has_them(finished: Finished, loaded: Path) -> None:
    text = EXAMPLE
    done = succeed("analyze", finished.model, text, "--memory", loaded, cwd=loaded.parent)
    assert "at a distance of" in done.out
    found = json.loads(succeed("analyze", finished.model, text, "--memory", loaded, "--json", cwd=loaded.parent).out)
    check(found)
    assert len(found["evidence"]) == 5
    assert json.loads(succeed("analyze", finished.model, text, "--json", cwd=loaded.parent).out)["evidence"] is None
