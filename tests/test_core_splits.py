"""Splits are disjoint, stable, and keep near-duplicates together."""

from __future__ import annotations

import hashlib
import random
import re
from collections import Counter
from itertools import combinations

import attrs
import pytest

from redheart_core import SPLITS, DataError, Record
from redheart_core.data.splits import assign_splits, near_duplicate_clusters


def record(number: int, text: str, split: str | None = None) -> Record:
    return Record(f"r{number:04d}", text, {}, f"line {number}", split=split)  # type: ignore[arg-type]


def sentence(draw: random.Random, length: int, words: int = 10_000) -> str:
    return " ".join(f"w{draw.randrange(words)}" for _ in range(length))


def distinct(count: int, seed: int = 0) -> list[Record]:
    draw = random.Random(seed)
    return [record(number, sentence(draw, 12)) for number in range(count)]


def expected_side(id_: str, seed: int, bounds: dict[str, float]) -> str:
    place = int(hashlib.sha256(f"{seed}:{id_}".encode()).hexdigest()[:16], 16) / 16**16
    return next(name for name, end in bounds.items() if place < end)


def jaccard(one: str, other: str) -> float:
    def shingles(text: str) -> set[tuple[str, ...]]:
        words = tuple(re.findall(r"\w+", text.lower()))
        return {words[i : i + 4] for i in range(len(words) - 3)} or {words}

    a, b = shingles(one), shingles(other)
    return len(a & b) / len(a | b)


def test_the_side_is_the_seeded_hash_of_the_id_in_the_promised_shares() -> None:
    records = distinct(3000)
    splits = assign_splits(records, seed=5)
    bounds = {"train": 0.7, "validation": 0.8, "calibration": 0.9, "test": 1.0}
    assert splits.names == tuple(expected_side(r.id, 5, bounds) for r in records)
    assert splits.report.counts == {**dict.fromkeys((*SPLITS, "excluded"), 0), **Counter(splits.names)}
    assert splits.report.counts["train"] == pytest.approx(2100, abs=100)
    assert splits.report.counts["test"] == pytest.approx(300, abs=60)
    assert assign_splits(records, seed=6).names != splits.names


def test_order_does_not_matter_and_a_new_record_moves_no_other() -> None:
    records = distinct(300)
    before = dict(zip([r.id for r in records], assign_splits(records, 0).names, strict=True))
    more = [record(9001, "quite another text than all the others here"), *reversed(records), record(0, "b c d e f g")]
    more[-1] = attrs.evolve(more[-1], id="a-smaller-id")
    after = dict(zip([r.id for r in more], assign_splits(more, 0).names, strict=True))
    assert {id_: after[id_] for id_ in before} == before


def test_a_near_duplicate_moves_none_but_its_own_cluster() -> None:
    records = distinct(300)
    before = assign_splits(records, 0).names
    copy = attrs.evolve(records[17], id="a-smaller-id")
    after = assign_splits([*records, copy], 0).names
    assert after[:17] == before[:17]
    assert after[18:300] == before[18:]
    assert after[17] == after[300]


def test_clusters_equal_those_of_a_direct_comparison_of_all_pairs() -> None:
    draw = random.Random(3)
    texts: list[str] = []
    for _ in range(80):
        words = sentence(draw, draw.choice([1, 3, 4, 5, 9, 24, 40, 60]), words=40).split()
        for _ in range(draw.randrange(1, 4)):
            changed = list(words)
            for _ in range(draw.randrange(2)):
                changed[draw.randrange(len(changed))] = f"new{draw.randrange(99)}"
            cut = draw.randrange(3)
            texts.append(" ".join(changed[: max(1, len(changed) - cut)]).title() + draw.choice(["", "!", " ..."]))
    group = list(range(len(texts)))
    near = 0
    for i, j in combinations(range(len(texts)), 2):
        if jaccard(texts[i], texts[j]) >= 0.8:
            near += 1
            group = [group[i] if g == group[j] else g for g in group]
    found = near_duplicate_clusters(texts).tolist()
    pairs = set(combinations(range(len(texts)), 2))
    assert {p for p in pairs if found[p[0]] == found[p[1]]} == {p for p in pairs if group[p[0]] == group[p[1]]}
    assert 30 < near < len(pairs) / 10


def test_the_threshold_itself_is_near() -> None:
    words = [f"w{i}" for i in range(12)]  # 9 shingles; 8 shared of 10 in the union after a word at each end
    assert jaccard(" ".join(words), " ".join([*words[1:], "x"])) == 0.8
    assert len(set(near_duplicate_clusters([" ".join(words), " ".join([*words[1:], "x"])]).tolist())) == 1
    assert len(set(near_duplicate_clusters([" ".join(words[:11]), " ".join([*words[1:11], "x"])]).tolist())) == 2


def test_duplicates_stay_on_one_side_whatever_their_case_and_marks() -> None:
    records = distinct(200)
    copies = [attrs.evolve(r, id=f"copy-{r.id}", text=r.text.upper() + " !!") for r in records]
    splits = assign_splits([*records, *copies], 0)
    assert splits.names[:200] == splits.names[200:]
    assert splits.report.duplicate_clusters == 200
    assert splits.report.clustered_records == 400
    assert splits.report.largest_cluster == 2
    assert splits.report.examples[0] == ("copy-r0000", "r0000")
    assert set(splits.names) == set(SPLITS)


def test_the_publisher_s_test_part_stays_and_the_rest_is_divided_80_10_10() -> None:
    records = [attrs.evolve(r, split="test" if i % 5 == 0 else "train") for i, r in enumerate(distinct(1000))]
    splits = assign_splits(records, 1)
    bounds = {"train": 0.8, "validation": 0.9, "calibration": 1.0}
    expected = tuple("test" if r.split == "test" else expected_side(r.id, 1, bounds) for r in records)
    assert splits.names == expected
    assert splits.report.published


def test_a_training_record_like_a_test_record_is_excluded_and_counted() -> None:
    records = [attrs.evolve(r, split="train") for r in distinct(20)]
    records.append(attrs.evolve(records[3], id="t", split="test"))
    records.append(attrs.evolve(records[3], id="u", split="test"))
    splits = assign_splits(records, 0)
    assert [row for row, name in enumerate(splits.names) if name == "excluded"] == [3]
    assert splits.names[20:] == ("test", "test")
    assert splits.report.counts["excluded"] == 1
    assert sum(splits.report.counts.values()) == 22


def test_a_training_part_without_a_test_part_is_divided_like_other_data() -> None:
    records = distinct(200)
    as_train = [attrs.evolve(r, split="train") for r in records]
    assert assign_splits(as_train, 0).names == assign_splits(records, 0).names


def test_a_split_for_some_records_only_is_refused() -> None:
    with pytest.raises(
        DataError, match=r"line 1: record 'r0001' has no split, but record 'r0000' \(line 0\) has 'test'"
    ):
        assign_splits([record(0, "a", "test"), record(1, "b")], 0)
    with pytest.raises(DataError, match=r"record 'r0000' has the split 'dev'; expected train, test or none"):
        assign_splits([record(0, "a", "dev")], 0)


def test_of_joined_data_sets_each_is_divided_by_its_own_rule() -> None:
    records = distinct(1000)
    published = [
        attrs.evolve(r, source="one", split="test" if i % 5 == 0 else "train") for i, r in enumerate(records[:500])
    ]
    plain = [attrs.evolve(r, source="other") for r in records[500:]]
    splits = assign_splits([*published, *plain], 1)
    assert splits.names == (*assign_splits(published, 1).names, *assign_splits(plain, 1).names)
    assert splits.names.count("test") > 100
    assert splits.report.published
    with pytest.raises(DataError, match=r"record 'r0500' has no split.*give all records of a data set a split or none"):
        assign_splits([*published, attrs.evolve(plain[0], source="one")], 1)


def test_near_duplicates_in_joined_data_sets_stay_on_one_side() -> None:
    records = [attrs.evolve(r, source="one", split="test" if i < 20 else "train") for i, r in enumerate(distinct(200))]
    copies = [attrs.evolve(r, id=f"z{r.id}", source="other", split=None) for r in records]
    names = assign_splits([*records, *copies], 0).names
    assert names[:200] == assign_splits(records, 0).names
    assert names[200:] == ("excluded",) * 20 + names[20:200]


def test_thousands_of_equal_texts_are_one_cluster() -> None:
    assert set(near_duplicate_clusters(["the same few words again and again"] * 20_000).tolist()) == {0}
