"""Splits are disjoint, stable, and keep near-duplicates together."""

from __future__ import annotations

import hashlib
import random
from collections import Counter

import attrs
import pytest

from redheart_core import SPLITS, DataError, Record
from redheart_core.data.division import division_warnings, empty_split
from redheart_core.data.near_duplicates import near_duplicate_clusters
from redheart_core.data.splits import Origin, PublishedParts, Splits, assign_splits


def record(number: int, text: str, split: str | None = None) -> Record:
    return Record(f"r{number:04d}", text, {}, f"line {number}", split=split)  # type: ignore[arg-type]


def divide(records: list[Record], seed: int) -> Splits:
    parts = PublishedParts()
    for one in records:
        parts.check(one)
    origins = [Origin(one.id, one.source, one.split) for one in records]
    clusters = near_duplicate_clusters(one.text for one in records)
    return assign_splits(origins, clusters, seed, lambda row: records[row].text)


def sentence(draw: random.Random, length: int, words: int = 10_000) -> str:
    return " ".join(f"w{draw.randrange(words)}" for _ in range(length))


def distinct(count: int, seed: int = 0) -> list[Record]:
    draw = random.Random(seed)
    return [record(number, sentence(draw, 12)) for number in range(count)]


def expected_side(id_: str, seed: int, bounds: dict[str, float]) -> str:
    place = int(hashlib.sha256(f"{seed}:{id_}".encode()).hexdigest()[:16], 16) / 16**16
    return next(name for name, end in bounds.items() if place < end)


def test_the_side_is_the_seeded_hash_of_the_id_in_the_promised_shares() -> None:
    records = distinct(3000)
    splits = divide(records, seed=5)
    bounds = {"train": 0.7, "validation": 0.8, "calibration": 0.9, "test": 1.0}
    assert splits.names == tuple(expected_side(r.id, 5, bounds) for r in records)
    assert splits.report.counts == {**dict.fromkeys((*SPLITS, "excluded"), 0), **Counter(splits.names)}
    assert splits.report.counts["train"] == pytest.approx(2100, abs=100)
    assert splits.report.counts["test"] == pytest.approx(300, abs=60)
    assert divide(records, seed=6).names != splits.names


def test_order_does_not_matter_and_a_new_record_moves_no_other() -> None:
    records = distinct(300)
    before = dict(zip([r.id for r in records], divide(records, 0).names, strict=True))
    more = [record(9001, "quite another text than all the others here"), *reversed(records), record(0, "b c d e f g")]
    more[-1] = attrs.evolve(more[-1], id="a-smaller-id")
    after = dict(zip([r.id for r in more], divide(more, 0).names, strict=True))
    assert {id_: after[id_] for id_ in before} == before


def test_a_near_duplicate_moves_none_but_its_own_cluster() -> None:
    records = distinct(300)
    before = divide(records, 0).names
    copy = attrs.evolve(records[17], id="a-smaller-id")
    after = divide([*records, copy], 0).names
    assert after[:17] == before[:17]
    assert after[18:300] == before[18:]
    assert after[17] == after[300]


def test_duplicates_stay_on_one_side_whatever_their_case_and_marks() -> None:
    records = distinct(200)
    copies = [attrs.evolve(r, id=f"copy-{r.id}", text=r.text.upper() + " !!") for r in records]
    splits = divide([*records, *copies], 0)
    assert splits.names[:200] == splits.names[200:]
    assert splits.report.duplicate_clusters == 200
    assert splits.report.clustered_records == 400
    assert splits.report.largest_cluster == 2
    assert splits.report.examples[0] == ("copy-r0000", "r0000")
    assert set(splits.names) == set(SPLITS)


def test_the_publisher_s_test_part_stays_and_the_rest_is_divided_80_10_10() -> None:
    records = [attrs.evolve(r, split="test" if i % 5 == 0 else "train") for i, r in enumerate(distinct(1000))]
    splits = divide(records, 1)
    bounds = {"train": 0.8, "validation": 0.9, "calibration": 1.0}
    expected = tuple("test" if r.split == "test" else expected_side(r.id, 1, bounds) for r in records)
    assert splits.names == expected
    assert splits.report.published


def test_a_training_record_like_a_test_record_is_excluded_and_counted() -> None:
    records = [attrs.evolve(r, split="train") for r in distinct(20)]
    records.append(attrs.evolve(records[3], id="t", split="test"))
    records.append(attrs.evolve(records[3], id="u", split="test"))
    splits = divide(records, 0)
    assert [row for row, name in enumerate(splits.names) if name == "excluded"] == [3]
    assert splits.names[20:] == ("test", "test")
    assert splits.report.counts["excluded"] == 1
    assert sum(splits.report.counts.values()) == 22


def test_a_training_part_without_a_test_part_is_divided_like_other_data() -> None:
    records = distinct(200)
    as_train = [attrs.evolve(r, split="train") for r in records]
    assert divide(as_train, 0).names == divide(records, 0).names


def test_a_split_for_some_records_only_is_refused() -> None:
    with pytest.raises(
        DataError, match=r"line 1: record 'r0001' has no split, but record 'r0000' \(line 0\) has 'test'"
    ):
        divide([record(0, "a", "test"), record(1, "b")], 0)
    with pytest.raises(
        DataError,
        match=r"record 'r0000' has the split 'dev'; expected one of train, validation, calibration, test, or none",
    ):
        divide([record(0, "a", "dev")], 0)


def test_of_joined_data_sets_each_is_divided_by_its_own_rule() -> None:
    records = distinct(1000)
    published = [
        attrs.evolve(r, source="one", split="test" if i % 5 == 0 else "train") for i, r in enumerate(records[:500])
    ]
    plain = [attrs.evolve(r, source="other") for r in records[500:]]
    splits = divide([*published, *plain], 1)
    assert splits.names == (*divide(published, 1).names, *divide(plain, 1).names)
    assert splits.names.count("test") > 100
    assert splits.report.published
    with pytest.raises(DataError, match=r"record 'r0500' has no split.*give all records of a data set a split or none"):
        divide([*published, attrs.evolve(plain[0], source="one")], 1)


def test_near_duplicates_in_joined_data_sets_stay_on_one_side() -> None:
    records = [attrs.evolve(r, source="one", split="test" if i < 20 else "train") for i, r in enumerate(distinct(200))]
    copies = [attrs.evolve(r, id=f"z{r.id}", source="other", split=None) for r in records]
    names = divide([*records, *copies], 0).names
    assert names[:200] == divide(records, 0).names
    assert names[200:] == ("excluded",) * 20 + names[20:200]


def form(number: int) -> str:
    return (
        "Question one: what did you do last week that you still think about? Answer: I gave the boat. Question two: "
        f"would you do it again in the same place with the same people around you? Answer: I do not know yet {number}."
    )


def test_a_template_that_takes_most_records_is_named_with_its_place_and_the_shares_that_it_spoils() -> None:
    records = [record(number, form(number)) for number in range(60)] + distinct(140)[60:]
    report = divide(records, 3).report
    (largest,) = report.clusters
    assert (largest.records, largest.ids, sum(largest.splits.values())) == (60, ("r0000", "r0001", "r0002"), 60)
    assert largest.example.startswith("Question one: what did you do")
    assert report.wanted == {"train": 98.0, "validation": 14.0, "calibration": 14.0, "test": 14.0}
    first, *others = map(str, division_warnings(report))
    (place,) = largest.splits
    assert "60 records that are near-duplicates of each other (r0000, r0001, r0002, ...: 'Question one" in first
    assert f"stay together: 60 in {place}, 43% of all records" in first
    assert "data.near_duplicates=1.0" in first
    assert len(others) == 1
    assert f"{place} has {report.counts[place]} ({report.counts[place] / 140:.1%} in place of " in others[0]


def test_small_sets_of_near_duplicates_and_chance_are_no_warning() -> None:
    records = distinct(300)
    records += [attrs.evolve(one, id=f"copy-{one.id}") for one in records[:50]]
    assert list(division_warnings(divide(records, 0).report)) == []


def test_an_empty_split_names_the_template_that_took_the_records() -> None:
    report = divide([record(number, form(number)) for number in range(40)], 0).report
    assert "40 records that are near-duplicates of each other (r0000" in empty_split(report)
    assert "all lie in test" in empty_split(report)
    assert "give more of them" in empty_split(divide(distinct(3), 0).report)


def test_joined_data_sets_want_what_each_of_them_wants() -> None:
    records = distinct(100)
    published = [attrs.evolve(r, source="one", split="test" if i < 20 else "train") for i, r in enumerate(records[:60])]
    plain = [attrs.evolve(r, source="other") for r in records[60:]]
    assert divide([*published, *plain], 0).report.wanted == {
        "train": 32.0 + 28.0, "validation": 4.0 + 4.0, "calibration": 4.0 + 4.0, "test": 20.0 + 4.0
    }  # fmt: skip


def test_many_sets_of_middle_size_that_spoil_the_shares_are_warned_of_together() -> None:
    records = [
        record(100 * kind + number, sentence(random.Random(kind), 12)) for kind in range(30) for number in range(4)
    ]
    report = divide(records, 1).report
    assert report.duplicate_clusters == 30
    spoilt = attrs.evolve(report, counts={**report.counts, "train": 60, "test": 48, "validation": 6, "calibration": 6})
    (warning,) = division_warnings(spoilt)
    assert (
        warning.what == "of 120 records train has 60 (50.0% in place of 70.0%), test has 48 (40.0% in place of 10.0%)"
    )
    assert not list(division_warnings(attrs.evolve(spoilt, duplicate_clusters=0)))
