"""How often the records of several data sets are drawn: shares that go with a power of their sizes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import attrs
import pytest
import torch
from torch import Tensor
from toy import NoSettings, Toy, WordEncoder

from redheart_core import CATALOGUE, DatasetSpec, EncoderSpec, Record
from redheart_core.data.joining import join_datasets
from redheart_core.data.mixture import draw
from redheart_core.data.prepare import prepare
from redheart_core.data.store import Store
from redheart_core.storage.runtime import generator

SIZES = (900, 90, 10)
ROWS = torch.arange(3000, 3000 + sum(SIZES))
SOURCES = torch.repeat_interleave(torch.tensor([4, 0, 7]), torch.tensor(SIZES))


def drawn(exponent: float, seed: int = 0, rows: Tensor = ROWS, sources: Tensor = SOURCES) -> Tensor:
    return draw(rows, sources, exponent, generator(seed, "mixture"))


def by_source(rows: Tensor) -> tuple[int, ...]:
    """Rows drawn from each data set, in the order of SIZES."""
    counts = Counter(SOURCES[rows - ROWS[0]].tolist())
    return tuple(counts[source] for source in (4, 0, 7))


def test_at_one_every_row_comes_once_in_another_order() -> None:
    rows = drawn(1.0)
    assert torch.equal(rows.sort().values, ROWS)
    assert not torch.equal(rows, ROWS)


@pytest.mark.parametrize("exponent", [0.0, 0.3, 0.5, 0.7, 0.99])
def test_shares_go_with_the_power_of_the_sizes(exponent: float) -> None:
    found, total = by_source(drawn(exponent)), sum(SIZES)
    weights = [size**exponent for size in SIZES]
    assert sum(found) == total
    for count, weight in zip(found, weights, strict=True):
        assert abs(count - total * weight / sum(weights)) < 1


def test_at_zero_all_data_sets_come_equally_often() -> None:
    assert sorted(by_source(drawn(0.0))) == [333, 333, 334]


def test_no_row_comes_twice_before_all_of_its_data_set_came() -> None:
    rows = drawn(0.0)
    times = Counter(rows.tolist())
    for first, size in ((0, 900), (900, 90), (990, 10)):
        members = [times[row] for row in ROWS[first : first + size].tolist()]
        assert max(members) - min(members) <= 1
    assert min(times[row] for row in ROWS[900:].tolist()) >= 3


def test_passes_through_a_small_data_set_differ() -> None:
    rows, sources = torch.arange(1010), torch.repeat_interleave(torch.tensor([0, 1]), torch.tensor([1000, 10]))
    again = [row for row in drawn(0.0, rows=rows, sources=sources).tolist() if row >= 1000]
    assert len(again) == 505
    assert set(Counter(again).values()) == {50, 51}


def test_the_order_is_that_of_the_stream_alone() -> None:
    for exponent in (0.5, 1.0):
        assert torch.equal(drawn(exponent), drawn(exponent))
        assert not torch.equal(drawn(exponent), drawn(exponent, seed=1))


def test_data_sets_are_mixed_and_do_not_come_one_after_the_other() -> None:
    halves = drawn(0.0).chunk(2)
    for half in halves:
        for count in by_source(half):
            assert count == pytest.approx(1000 / 6, abs=40)


@pytest.mark.parametrize("sizes", [(1,), (1, 1, 1), (1, 10_000), (49,) * 49])
def test_even_the_smallest_data_set_is_drawn(sizes: tuple[int, ...]) -> None:
    sources = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    for exponent in (0.0, 0.5, 0.999999):
        rows = drawn(exponent, rows=torch.arange(sum(sizes)), sources=sources)
        assert len(rows) == sum(sizes)
        assert set(sources[rows].tolist()) == set(range(len(sizes)))


def joined_store(toy: Toy) -> Store:
    """Two data sets of toy records, 160 with regret and 40 with choice factors."""

    def spec(name: str, field: str, records: Sequence[Record]) -> DatasetSpec:
        def read(_: NoSettings) -> Iterator[Record]:
            return (attrs.evolve(record, values={field: record.values[field]}) for record in records)

        return DatasetSpec(name, "A toy.", NoSettings, lambda _: (CATALOGUE[field],), read)

    records = toy.records(200)
    many, few = spec("many", "regret", records[:160]), spec("few", "choice_factors", records[160:])
    joined, settings = join_datasets([(many, NoSettings()), (few, NoSettings())])
    encoder = EncoderSpec("words", "Words.", NoSettings, lambda _, chunks: WordEncoder(), lambda path: WordEncoder())
    return prepare(toy.folder / "joined", joined, settings, [(encoder, NoSettings())], chunk_chars=40)


def test_an_epoch_of_two_data_sets_is_drawn_by_the_stated_mixture(toy: Toy) -> None:
    store = joined_store(toy)
    assert store.source_names == ("few", "many")
    sizes = torch.bincount(store.sources[store.rows("train")]).tolist()
    for exponent, expected in ((1.0, sizes), (0.0, [sum(sizes) / 2] * 2)):
        source = toy.context([toy.node("a")], store, mixture=exponent).source
        rows = torch.cat(source.training_order(1))
        assert len(rows) == sum(sizes)
        assert torch.bincount(store.sources[rows]).tolist() == pytest.approx(expected, abs=1)


def test_a_group_is_trained_on_the_records_that_have_its_targets(toy: Toy) -> None:
    store = joined_store(toy)
    nodes = [toy.node("a"), toy.node("b", target="choice_factors")]
    context = toy.context(nodes, store, mixture=0.0)
    for group, source in zip(context.groups, ("many", "few"), strict=True):
        number = store.source_names.index(source)
        train = store.rows("train")
        rows = torch.cat(context.training_order(group, 1))
        assert torch.equal(rows.sort().values, train[store.sources[train] == number])
    run, stopped = toy.run("run", nodes, store, mixture=0.5)
    assert not stopped
    assert {name: run.group(name).read().status for name in "ab"} == {"a": "finished", "b": "finished"}
