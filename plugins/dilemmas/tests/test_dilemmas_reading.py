"""What the data set `dilemmas` reads, keeps together and refuses."""

from __future__ import annotations

import gzip
import itertools
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from redheart_core import DataError, Record
from redheart_dilemmas.chains import act_sets
from redheart_dilemmas.reading import read_records
from redheart_dilemmas.settings import FIELDS, DilemmasSettings

REAL = Path(__file__).parents[3] / "../shared/data/dilemmas"
DEV = "dev.scruples-dilemmas.jsonl"


def pair(number: int = 1, first: str = "a1", second: str = "a2", **changes: object) -> dict[str, object]:
    acts = [{"id": act, "description": f"doing &amp; saying {act}"} for act in (first, second)]
    return {"id": f"p{number}", "actions": acts, "gold_annotations": [3, 2], **changes}


def ring(size: int) -> list[dict[str, object]]:
    return [pair(number, f"a{number}", f"a{(number + 1) % size}") for number in range(size)]


def lines(*pairs: Mapping[str, object]) -> bytes:
    return "\n".join(json.dumps(one) for one in pairs).encode()


def read(folder: Path, *pairs: Mapping[str, object], **settings: object) -> list[Record]:
    (folder / DEV).write_bytes(lines(*pairs))
    return list(read_records(DilemmasSettings(path=folder, **settings)))  # type: ignore[arg-type] # of a test


def test_a_record_is_a_pair_with_both_acts_as_texts_of_their_own(tmp_path: Path) -> None:
    (record,) = read(tmp_path, pair(human_perf_annotations=[0, 5]))
    assert record.text == "doing & saying a1\n\ndoing & saying a2"
    assert record.values == {
        "first_act": "doing & saying a1",
        "second_act": "doing & saying a2",
        "less_ethical": {"first": 3, "second": 2},
        "less_ethical_again": {"first": 0, "second": 5},
    }
    assert (record.language, record.split) == ("en", None)


def test_a_pair_without_a_second_panel_lacks_that_field(tmp_path: Path) -> None:
    (record,) = read(tmp_path, pair())
    assert "less_ethical_again" not in record.values


def test_no_act_is_in_two_sets_and_few_pairs_are_left_out(tmp_path: Path) -> None:
    records = read(tmp_path, *ring(100), acts_together=20)
    acts: dict[str | None, set[str]] = {}
    for record in records:
        acts.setdefault(record.cluster, set()).update(record.text.split("\n\n"))
    assert all(a.isdisjoint(b) for a, b in itertools.combinations(acts.values(), 2))
    assert len(acts) == 5
    assert len(records) == 95
    assert len(read(tmp_path, *ring(100), acts_together=0)) == 100


def test_sets_follow_a_chain_from_its_end() -> None:
    chain = [("c", "d"), ("a", "b"), ("b", "c")]
    assert act_sets(chain, 2) == {"d": 0, "c": 0, "b": 1, "a": 1}


def test_test_files_are_the_test_split_whole(tmp_path: Path) -> None:
    (tmp_path / "test.jsonl.gz").write_bytes(gzip.compress(lines(pair(7, "x", "y"), pair(8, "y", "z"))))
    records = read(tmp_path, pair(), test=("test.jsonl",), acts_together=2)
    assert [(record.id, record.split) for record in records] == [("p1", "train"), ("p7", "test"), ("p8", "test")]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"actions": [{"id": "a", "description": "b"}]}, "actions expects a list of two objects"),
        ({"actions": [3, 4]}, "actions expects a list of two objects"),
        ({"actions": [{"id": "a", "description": " "}, {}]}, "action 1: description is empty"),
        ({"actions": [{"id": "a", "description": "b"}] * 2}, "both actions have the id 'a'"),
        ({"gold_annotations": None}, "gold_annotations expects a list of two numbers of raters, got None"),
        ({"gold_annotations": [1, 2, 3]}, "gold_annotations expects a list of two numbers"),
        ({"gold_annotations": [0, 0]}, "gold_annotations has no vote at all"),
        ({"id": "p1"}, "the id 'p1' already stands in"),
    ],
)
def test_a_bad_pair_is_named_by_file_and_line(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=f"{DEV} line 2.*{message}"):
        read(tmp_path, pair(1), pair(2, "a3", "a4", **changes), acts_together=0)


def test_a_negative_vote_is_refused_by_the_field(tmp_path: Path) -> None:
    (record,) = read(tmp_path, pair(gold_annotations=[-1, 5]))
    field = next(field for field in FIELDS if field.name == "less_ethical")
    with pytest.raises(DataError, match=r"less_ethical\.first expects a value in 0\.\..*, got -1"):
        field.to_numbers(record.values["less_ethical"], record.where)


@pytest.mark.skipif(not REAL.is_dir(), reason="the folder shared/data/dilemmas is not beside the repository")
def test_the_published_file_is_whole() -> None:
    records = list(read_records(DilemmasSettings(path=REAL, acts_together=0)))
    votes = np.array([list(record.values["less_ethical"].values()) for record in records])  # type: ignore[attr-defined]
    assert len(records) == 2340
    assert set(votes.sum(1)) == {5}
    assert len(list(read_records(DilemmasSettings(path=REAL)))) == 2221
