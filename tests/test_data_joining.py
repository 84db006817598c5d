"""Several data sets as one: whose records come with which fields, and what cannot be joined."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
import torch
from toy import NoSettings, Toy, WordEncoder

from redheart_core import CATALOGUE, DataError, DatasetSpec, EncoderSpec, Field, Record
from redheart_core.contract.data import Provenance
from redheart_core.data.joining import join_datasets
from redheart_core.data.prepare import prepare
from redheart_core.data.store import Store
from redheart_core.groups.validation import evaluate

REGRET, VAD, UTILITY = CATALOGUE["regret"], CATALOGUE["vad"], CATALOGUE["utility"]


@attrs.frozen
class CountSettings:
    """How many records there are."""

    count: int = 3


def dataset(name: str, *fields: Field, where: str = "line") -> DatasetSpec:
    """Records 0, 1, ... with the fields at their lowest value."""

    def values() -> dict[str, Any]:
        return {field.name: dict.fromkeys(field.labels, field.low) or field.low for field in fields}

    def read(settings: CountSettings) -> Iterator[Record]:
        for number in range(settings.count):
            text = f"Day {number}: the {name} was calm and kind, and number {number * number} came late."
            yield Record(str(number), text, values(), f"{where} {number}")

    return DatasetSpec(name, "A toy.", CountSettings, lambda _: fields, read)


def test_records_come_one_data_set_after_the_other_under_their_own_settings() -> None:
    members = [(dataset("one", REGRET), CountSettings(2)), (dataset("two", VAD), CountSettings(3))]
    joined, settings = join_datasets(members)
    records = list(joined.records(settings))
    assert joined.name == "one+two"
    assert [record.id for record in records] == ["one/0", "one/1", "two/0", "two/1", "two/2"]
    assert [record.source for record in records] == ["one"] * 2 + ["two"] * 3
    assert list(joined.records(settings)) == records


def test_nothing_else_of_a_record_changes() -> None:
    spec = dataset("one", REGRET)
    joined, settings = join_datasets([(spec, CountSettings()), (dataset("two", VAD), CountSettings())])
    for record, alone in zip(joined.records(settings), spec.records(CountSettings()), strict=False):
        assert attrs.evolve(record, id=alone.id, source=None) == alone


def test_fields_are_those_of_all_each_once_in_order() -> None:
    members = [(dataset("one", VAD, REGRET), CountSettings()), (dataset("two", REGRET, UTILITY), CountSettings())]
    joined, settings = join_datasets(members)
    assert joined.fields(settings) == (VAD, REGRET, UTILITY)


def test_a_field_that_is_declared_differently_is_refused_with_both_owners() -> None:
    other = attrs.evolve(VAD, high=9.0, labels=("valence", "arousal"))
    members = [(dataset(name, field), CountSettings()) for name, field in (("one", VAD), ("two", other))]
    with pytest.raises(DataError, match="data sets one and two declare field 'vad' differently") as found:
        join_datasets(members)
    assert "high is 5.0 in one, 9.0 in two" in str(found.value)
    assert "labels is ('valence', 'arousal', 'dominance') in one, ('valence', 'arousal') in two" in str(found.value)
    assert "low is" not in str(found.value)


def test_a_data_set_cannot_come_twice() -> None:
    members = [(dataset(name, REGRET), CountSettings()) for name in ("one", "two", "one")]
    with pytest.raises(DataError, match=r"data set one comes more than once in one\+two\+one"):
        join_datasets(members)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """120 records with regret, 40 with valence, arousal, dominance, and 40 with both."""
    both = dataset("both", REGRET, VAD)
    members = [
        (dataset("one", REGRET), CountSettings(120)),
        (dataset("two", VAD), CountSettings(40)),
        (both, CountSettings(40)),
    ]
    joined, settings = join_datasets(members)
    encoder = EncoderSpec("words", "Words.", NoSettings, lambda _, chunks: WordEncoder(), lambda path: WordEncoder())
    return prepare(tmp_path / "store", joined, settings, [(encoder, NoSettings())])


def test_a_store_knows_the_data_set_of_each_record(store: Store) -> None:
    assert store.source_names == ("both", "one", "two")
    assert [store.source_names[number] for number in store.sources] == [id.partition("/")[0] for id in store.ids]


def test_a_record_lacks_the_fields_of_the_other_data_sets(store: Store) -> None:
    both, one, two = (store.sources == number for number in range(3))
    has_regret, has_vad = (~store.target(field)[store.all_rows].isnan() for field in ("regret", "vad"))
    assert torch.equal(has_regret, one | both)
    assert torch.equal(has_vad, (two | both).unsqueeze(-1).expand(-1, 3))


def test_a_data_set_by_itself_is_its_own_source(tmp_path: Path) -> None:
    encoder = EncoderSpec("words", "Words.", NoSettings, lambda _, chunks: WordEncoder(), lambda path: WordEncoder())
    store = prepare(tmp_path / "store", dataset("one", REGRET), CountSettings(40), [(encoder, NoSettings())])
    assert store.source_names == ("one",)
    assert not store.sources.any()


def test_versions_of_one_record_in_several_data_sets_stay_in_one_split_and_count_as_one(tmp_path: Path) -> None:
    """A translation tells what is asked of its original, so that one in train would spoil the other in test."""

    def versions(name: str, published: bool) -> DatasetSpec:
        def read(settings: CountSettings) -> Iterator[Record]:
            for number in range(settings.count):
                text = f"{name} {' '.join(f'{name}{number}x{place}' for place in range(12))}"
                part = ("test" if number % 5 == 0 else "train") if published else None
                yield Record(str(number), text, {"regret": 0.0}, f"line {number}", split=part, cluster=f"c{number}")  # type: ignore[arg-type] # one of the literals

        return attrs.evolve(dataset(name, REGRET), records=read)

    encoder = EncoderSpec("words", "Words.", NoSettings, lambda _, chunks: WordEncoder(), lambda path: WordEncoder())
    for published in (False, True):
        members = [(versions(name, published), CountSettings(200)) for name in ("english", "korean")]
        joined, settings = join_datasets(members)
        store = prepare(tmp_path / f"store-{published}", joined, settings, [(encoder, NoSettings())])
        sides: dict[str, str] = {}
        for split in ("train", "validation", "calibration", "test"):
            sides |= {store.id(int(row)): split for row in store.rows(split)}
        assert len(sides) == 400
        assert all(sides[f"english/{number}"] == sides[f"korean/{number}"] for number in range(200))
        assert set(sides.values()) == {"train", "validation", "calibration", "test"}
        assert torch.equal(store.clusters[:200], store.clusters[200:])
        assert len(set(store.clusters.tolist())) == 200


def test_the_licence_of_every_data_set_travels_with_the_store(tmp_path: Path) -> None:
    one = attrs.evolve(dataset("one", REGRET), licence="MIT", source="https://example.org/one")
    joined, settings = join_datasets([(one, CountSettings(30)), (dataset("two", VAD), CountSettings(30))])
    encoder = EncoderSpec("words", "Words.", NoSettings, lambda _, chunks: WordEncoder(), lambda path: WordEncoder())
    store = prepare(tmp_path / "store", joined, settings, [(encoder, NoSettings())])
    assert store.index.provenance == {
        "one": Provenance("MIT", "https://example.org/one"),
        "two": Provenance(None, None),
    }


def test_records_that_repeat_an_id_within_their_data_set_are_still_refused(tmp_path: Path) -> None:
    def twice(_: CountSettings) -> Iterator[Record]:
        for number in range(2):
            yield Record("same", f"A text of its own, number {number}.", {"regret": 0.0}, f"line {number}")

    bad = attrs.evolve(dataset("bad", REGRET), records=twice)
    joined, settings = join_datasets([(dataset("one", REGRET), CountSettings()), (bad, CountSettings())])
    encoder = EncoderSpec("words", "Words.", NoSettings, lambda _, chunks: WordEncoder(), lambda path: WordEncoder())
    with pytest.raises(DataError, match="bad/same"):
        prepare(tmp_path / "store", joined, settings, [(encoder, NoSettings())])


def test_a_group_is_evaluated_on_the_records_that_it_can_learn_from(toy: Toy) -> None:
    whole = toy.records(200)
    records = [attrs.evolve(r, values={**r.values, "regret": None}) if n % 2 else r for n, r in enumerate(whole)]
    context = toy.context([toy.node("a")], toy.store(records))
    group = context.groups[0]
    module = context.module(group)
    rows = context.store.rows("validation")
    known = ~context.store.target("regret")[rows].isnan()
    result = evaluate(module, context.source, rows)
    alone = evaluate(module, context.source, rows[known])
    assert 0 < int(known.sum()) < len(rows)
    assert result.loss == pytest.approx(alone.loss, rel=1e-12)
    assert result.metrics == alone.metrics
    assert bool(result.predictions["a.value"][~known].isnan().all())
    assert bool((result.losses[~known] == 0).all())
    assert torch.equal(torch.cat(context.training_order(group, 1)).sort().values, context.training_rows(group))
    with pytest.raises(DataError, match="has any of regret, which the group learns"):
        evaluate(module, context.source, rows[~known])
