"""What fusions alone read of a group is computed for the records that have the fields they fuse it for."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from test_groups_gathering import answering, named_output
from toy import Toy

from redheart_core import ActiveNode
from redheart_core.data.batch import Batch
from redheart_core.data.store import Store
from redheart_core.groups.fused_for import fused_for
from redheart_core.testing import activate, load_installed
from redheart_core.training.context import TrainingContext


@pytest.fixture
def store(toy: Toy) -> Store:
    """Each record has one of the two fields."""
    return toy.store(toy.records(240, lambda index, field: (index % 3 > 0) == (field == "regret")))


def nodes(toy: Toy, *more: ActiveNode) -> list[ActiveNode]:
    fusion = activate(load_installed("stacking_fusion"))
    answers = [answering(toy, "one"), answering(toy, "two", "choice_factors"), answering(toy, "three")]
    return [*map(named_output, answers), fusion, *more]


def by_name(context: TrainingContext) -> dict[str, tuple[str, ...] | None]:
    return {group.name: fused_for(group, context.groups) for group in context.groups}


def test_fusions_read_a_group_for_its_fields_and_networks_for_any_record(toy: Toy, store: Store) -> None:
    alone = by_name(toy.context(nodes(toy), store))
    assert alone == {"one": ("regret",), "two": ("choice_factors",), "three": ("regret",), "stacking_fusion": ()}
    reader = toy.node("reader", reads=("one.regret",))
    starting = by_name(toy.context(nodes(toy, activate(load_installed("linear"))), store))
    assert starting["linear"] is None  # the networks begin at its answers
    above = toy.node("above", target="choice_factors", reads=("stacking_fusion.regret",))
    assert by_name(toy.context(nodes(toy, reader), store))["one"] is None
    assert by_name(toy.context(nodes(toy, reader), store))["two"] == ("choice_factors",)
    assert set(by_name(toy.context(nodes(toy, above), store)).values()) == {None, ()}


def test_records_without_the_field_are_absent_unless_all_are_asked(toy: Toy, store: Store) -> None:
    context = toy.context(nodes(toy), store)
    one, rows = context.groups[0], store.rows("validation")
    module, known = context.module(one), ~store.target("regret")[rows].isnan()
    assert 0 < int(known.sum()) < len(rows)
    context.add_outputs(one, module, ("validation",), whole=True)
    whole = context.source.lower("one.regret", rows).clone()
    context.add_outputs(one, module, ("validation",))
    answers = context.source.lower("one.regret", rows)
    assert torch.equal(answers.isnan(), ~known)
    torch.testing.assert_close(answers[known], whole[known])
    assert not bool(whole.isnan().any())


def test_a_fusion_learns_the_same(toy: Toy, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    run, stopped = toy.run("narrow", nodes(toy), store, epochs=2)
    monkeypatch.setattr("redheart_core.training.context.fused_for", lambda group, groups: None)
    other, _ = toy.run("whole", nodes(toy), store, epochs=2)
    assert stopped == {}
    for name in ("one", "two", "three"):
        assert run.group(name).read().best.sha256 == other.group(name).read().best.sha256
    one, two = (folder.group("stacking_fusion").read().best for folder in (run, other))
    assert one.validation_loss == pytest.approx(two.validation_loss, rel=1e-5)
    assert one.metrics == {name: pytest.approx(value, rel=1e-4) for name, value in two.metrics.items()}


def note(batches: list[list[float]], _: torch.nn.Module, given: tuple[Batch]) -> None:
    batches.append(given[0].inputs["embedding"].flatten().tolist())


def test_a_reader_of_all_records_changes_no_bit_of_what_a_fusion_reads(toy: Toy, store: Store) -> None:
    found = []
    for more in ((), (toy.node("reader", reads=("one.regret",)),)):
        context = toy.context(nodes(toy, *more), store)
        one, rows = context.groups[0], store.rows("validation")
        module, batches = context.module(one), list[list[float]]()
        module.register_forward_pre_hook(partial(note, batches))
        context.add_outputs(one, module, ("validation",))
        known = rows[~store.target("regret")[rows].isnan()]
        found.append((batches, context.source.lower("one.regret", known)))
    (alone, first), (both, second) = found
    assert both[: len(alone)] == alone  # the same batches, before those of the other records
    assert len(both) > len(alone)
    assert torch.equal(first, second)
