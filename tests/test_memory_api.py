"""redheart.memory: a model's encoder, evidence of the training split, and what is never kept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from front_door import Finished
from made_up_cases import files_hold

import redheart
from redheart.memory import Memory, choose
from redheart_core import DataError
from redheart_core.contract.errors import CaseMemoryError
from redheart_core.data.store import Store
from redheart_core.memory.vectors import text_vector
from redheart_core.safety.classifier import load_weights
from redheart_core.safety.grams import grams
from redheart_core.safety.signs import search_text

CRISIS = "I told my neighbour the truth about the fence, and now I want to die."
DOUBTFUL = "I told my neighbour the truth about the fence. What is the point of it all?"
ACUTE = "He's outside my door with a knife."
TEXT = "My neighbour lent me her car, and I was glad of it."


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "own" / "cases.db"


@pytest.fixture
def memory(finished: Finished, place: Path) -> Iterator[Memory]:
    with redheart.memory.open(place, finished.model) as opened:
        yield opened


def test_nothing_is_made_until_a_case_is_added(memory: Memory, place: Path) -> None:
    assert len(memory) == 0
    with pytest.raises(CaseMemoryError, match="there is no memory of cases in"):
        memory.nearest(TEXT)
    assert not place.parent.exists()
    key = memory.add(TEXT, labels={"votes.right": 3.0}, source="me", licence="CC0-1.0", time=datetime(2026, 1, 2))
    (found,) = memory.nearest(TEXT, 3)
    case = found.case
    assert found.distance == pytest.approx(0.0, abs=1e-6)
    assert (case.id, case.labels, case.source, case.licence) == (key, {"votes.right": 3.0}, "me", "CC0-1.0")
    assert (case.language, case.text, case.time) == ("en", None, datetime(2026, 1, 2, tzinfo=UTC))
    assert not files_hold(place.parent, b"neighbour")


def test_a_text_is_kept_where_that_is_asked_for(memory: Memory, place: Path) -> None:
    memory.add(TEXT, keep_text=True, language="en-US")
    (found,) = memory.nearest("She lent me her car.")
    assert (found.case.text, found.case.language) == (TEXT, "en")
    assert memory.delete(choose(languages="en")) == 1
    assert not files_hold(place.parent, b"neighbour")


def without_sign(store: Store) -> list[int]:
    """Training records whose words have no sign of a crisis; of vectors by lsa words alone speak."""
    return [row for row in store.rows("train").tolist() if not search_text(store.text(row)).signs()]


def test_the_training_split_alone_is_evidence(memory: Memory, finished: Finished) -> None:
    store = Store.open(finished.store)
    train, kept = store.rows("train").tolist(), without_sign(store)
    loaded = memory.load(run=finished.folder, progress=False)
    assert (loaded.added, loaded.there, loaded.unknown, loaded.crisis) == (len(kept), 0, 0, len(train) - len(kept))
    cases = {case.id: case for case in memory.cases.cases()}
    assert set(cases) == {f"village/{store.id(row)}" for row in kept}
    for row in kept[:20]:
        case = cases[f"village/{store.id(row)}"]
        assert (case.language, case.source) == (store.language(row), "village")
        assert case.licence == store.index.provenance["village"].licence
        assert case.text is None
        assert {f"emotion.{label}" for label in store.fields["emotion"].labels} <= set(case.labels)
        assert case.labels["regret"] == store.target("regret")[store.rows("train")][train.index(row)].item()
    again = memory.load(run=finished.folder, progress=False)
    assert (again.added, again.there, again.crisis) == (0, len(kept), loaded.crisis)
    row = kept[5]
    (nearest,) = memory.nearest(store.text(row), 1)
    assert nearest.distance == pytest.approx(0.0, abs=1e-5)
    votes = memory.nearest(store.text(row), 4, choose(languages="ko", labels=["regret>=0.1"]))
    assert len(votes) == 4
    assert all(one.case.language == "ko" and one.case.labels["regret"] >= 0.1 for one in votes)


def test_a_data_set_gets_vectors_of_the_model_and_keeps_its_division(memory: Memory, finished: Finished) -> None:
    settings = {"village.english": 40, "village.korean": 20, "lsa.width": 16}
    loaded = memory.load(data="village", settings=settings, keep_text=True, progress=False)
    store = redheart.prepare(
        "village", encoder="lsa", output=memory.where + ".store", settings=settings, progress=False
    )
    assert {case.id for case in memory.cases.cases()} == {f"village/{store.id(row)}" for row in without_sign(store)}
    assert loaded.added + loaded.crisis == len(memory) + loaded.crisis == len(store.rows("train"))
    case = next(memory.cases.cases())
    assert case.text is not None
    own = redheart.load(finished.model).encoder.encode_text(case.text)[0].numpy()
    wanted = text_vector(own)
    np.testing.assert_allclose(case.vector, wanted / np.linalg.norm(wanted), atol=1e-5)


def test_of_a_crisis_nothing_is_kept(memory: Memory, place: Path) -> None:
    with pytest.raises(DataError, match="text: it has a sign of a crisis, so nothing of it is kept"):
        memory.add(CRISIS)
    records = [("line 1", {"text": TEXT}), ("line 2", {"text": CRISIS})]
    with pytest.raises(DataError, match="line 2: it has a sign of a crisis"):
        memory.add_records(records)
    assert not place.exists()
    memory.add(TEXT)
    assert len(memory.nearest(DOUBTFUL)) == 1
    for text in (CRISIS, ACUTE):
        with pytest.raises(DataError, match="redheart analyze says who can help"):
            memory.nearest(text)
        found = memory.search(text)
        assert found.help is not None
        assert found.cases == []


def score_for(limit: str) -> float:
    """A score of vectors with which TEXT just reaches a limit."""
    weights = load_weights("en")
    least: float = getattr(weights.together, limit)
    return (least + 0.1 - weights.of_words(grams(TEXT))) / weights.factor


def test_a_search_asks_vectors_for_signs_as_adding_does(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    memory.add(TEXT)
    assert memory.search(TEXT).help is None
    monkeypatch.setattr("redheart_core.safety.vectors.reads_vectors_of", lambda _: True)
    monkeypatch.setattr("redheart_core.safety.adapted.score_sentences", lambda _, second: [None] * len(second))
    for score, cases in ((score_for("clear"), 1), (score_for("silence"), 0)):  # behind help; none where it stands alone
        monkeypatch.setattr("redheart_core.safety.vectors.score_chunks", lambda _, score=score: [score])
        found = memory.search(TEXT)
        assert found.help is not None
        assert found.help.signs[0].unforeseen
        assert (len(found.cases), found.help.alone) == (cases, cases == 0)
    with pytest.raises(DataError, match="it has a sign of a crisis"):
        memory.add(TEXT)


def test_vectors_belong_to_the_model_that_is_named(memory: Memory, finished: Finished, place: Path) -> None:
    vector = np.ones(memory._encoder.identity.width)
    memory.add(vector, id="ones")
    assert memory.nearest(vector)[0].case.id == "ones"
    with redheart.memory.open(place) as unnamed:
        with pytest.raises(DataError, match=r"say which model's encoder made the vector, open\(\.\.\., model=\.\.\.\)"):
            unnamed.add(vector)
        assert unnamed.verify() == 1
        with pytest.raises(CaseMemoryError, match="has vectors of the encoder 'lsa', these are of 'use_multilingual'"):
            unnamed.nearest(TEXT)
    with pytest.raises(CaseMemoryError, match="has vectors of the encoder 'lsa', these are of 'use_multilingual'"):
        redheart.memory.open(place, "ready")
    other = redheart.memory.open(place.with_name("other.db"), "ready")
    with pytest.raises(CaseMemoryError, match="the model that was named has vectors of the encoder"):
        other.load(run=finished.folder, progress=False)
    assert not place.with_name("other.db").exists()


def test_a_loaded_model_is_taken_as_it_is(finished: Finished, place: Path) -> None:
    model = redheart.load(finished.model)
    with redheart.memory.open(place, model) as memory:
        memory.add(TEXT)
        assert memory._encoder.encoder is model.encoder


def test_exported_cases_are_added_elsewhere_without_the_model(memory: Memory, tmp_path: Path) -> None:
    from redheart_core.storage.jsonlines import parse_objects

    memory.add(TEXT, id="a", labels={"regret": 0.5}, keep_text=True)
    memory.add("I sold the house.", id="b")
    lines = list(memory.export())
    with redheart.memory.open(tmp_path / "copy.db") as copy:
        assert copy.add_records(parse_objects((f"line {n}", line) for n, line in enumerate(lines, 1))) == 2
        assert list(copy.export()) == lines
        assert list(copy.export(choose(ids="b"))) == [lines[0], lines[2]]


def test_wrong_records_are_refused_together(memory: Memory) -> None:
    given: list[dict[str, object]] = [{"text": TEXT}, {"body": TEXT}, {"text": CRISIS}, {"text": TEXT, "label": 1}]
    with pytest.raises(DataError) as refused:
        memory.add_records([(f"line {number}", record) for number, record in enumerate(given, 1)])
    title, *lines = str(refused.value).splitlines()
    assert title.startswith("3 rows cannot be used")
    assert [line.split(":")[0] for line in lines] == ["  - line 2", "  - line 3", "  - line 4"]
    assert len(memory) == 0


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"text": "A text.", "label": {}}, "line 1: unknown keys label"),
        ({"labels": {}}, "line 1: expects a 'text', got an object of labels"),
        ({"text": "A text.", "labels": [1]}, r"line 1: expects 'labels' as an object of numbers, got \[1\]"),
        ({"text": "A text.", "labels": {"a": "x"}}, "line 1: .*the label 'a' expects a finite number, got 'x'"),
        ({"text": "A text.", "labels": {"a": True}}, "line 1: .*expects a finite number, got True"),
        ({"text": "A text.", "labels": {"a": 10**400}}, "line 1: .*expects a finite number, got 10000"),
        ({"text": "A text.", "labels": {"": 1}}, "line 1: .*the label has to be text of 1 to 500 characters"),
        ({"text": "A text.", "id": "a\nb"}, "line 1: .*the id has to be text"),
        ({"text": "A text.", "language": "English!"}, "line 1: .*language has to be a code"),
        ({"text": ""}, "line 1: the text is empty"),
        ({"text": "x" * 100_001}, "line 1: the text has 100,001 characters"),
        ({"kind": "cases", "format": 2}, "line 1: cases of format 2, expected is format 1"),
        ({"kind": "cases", "format": 1}, "line 1, encoder does not hold what it has to"),
    ],
)
def test_wrong_records_are_refused(memory: Memory, record: dict[str, object], message: str) -> None:
    with pytest.raises((DataError, CaseMemoryError), match=message):
        memory.add_records([("line 1", record)])
    assert len(memory) == 0


def test_everything_is_deleted_only_where_that_is_said(memory: Memory) -> None:
    memory.add(TEXT)
    with pytest.raises(DataError, match="no case is chosen; give a condition, or everything=True"):
        memory.delete(choose())
    assert memory.delete(choose(), everything=True) == 1
    wrong: list[tuple[Any, Any]] = [(0.0, None), (None, 0), (-1.0, 5), (1e6, None), (float("nan"), None), (None, 1.5)]
    for days, cases in wrong:
        with pytest.raises(
            DataError, match="a retention needs more than 0 and at most 36,500 days, and at least 1 case"
        ):
            memory.retain(days=days, cases=cases)


def test_conditions_that_are_none_are_refused() -> None:
    for label, message in (("", "a label is given as"), (">=1", "a label is given as"), ("a>=x", "expects a number")):
        with pytest.raises(DataError, match=message):
            choose(labels=label)
    with pytest.raises(DataError, match="expects a day or time such as 2026-01-31"):
        choose(since="yesterday")
    assert choose(since="2026-01-31").since == choose(since=date(2026, 1, 31)).since == datetime(2026, 1, 31)
