"""The loops that trainings are compared with: they do the same work, and their times are paired."""

from __future__ import annotations

import math
from pathlib import Path

import attrs
import pytest
import torch
from toy import Toy

from redheart_core.config.tables import GroupSettings
from redheart_core.evaluation.training_bench import bench_training, ratio
from redheart_core.evaluation.training_loops import FewBatches, by_hand, by_redheart, in_turns
from redheart_core.training.context import TrainingContext
from redheart_core.training.shelves import MappedFiles


def nothing(*_: object) -> None:
    """No progress."""


def few(context: TrainingContext, batches: int) -> FewBatches:
    fields = {field.name: getattr(context, field.name) for field in attrs.fields(TrainingContext)}
    return FewBatches(**fields, batches=batches)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_loop_by_hand_learns_the_same_where_nothing_is_random(precision: str, toy: Toy) -> None:
    store = toy.store(toy.records(missing=lambda index, field: field == "regret" and index % 3 == 0))
    nodes = [
        toy.node("a", dropout=0.0, group="pair", loss_weight=2.0),
        toy.node("b", ("a.value",), "choice_factors", group="pair", dropout=0.0),
    ]
    groups = {"pair": GroupSettings(precision=precision)}  # type: ignore[arg-type] # one of its names
    context = few(toy.context(nodes, store, groups, clip_norm=0.05), 5)
    ours, plain = (context.trainer(context.groups[0]) for _ in range(2))
    by_redheart(context, ours, 1)
    by_hand(context, plain, 1)
    before = context.trainer(context.groups[0]).module.parameter_dict()
    for name, tensor in ours.module.parameter_dict().items():
        torch.testing.assert_close(tensor, plain.module.parameter_dict()[name], rtol=1e-5, atol=1e-7)
        assert not torch.equal(tensor, before[name]), name


def test_every_loop_is_measured_on_every_group_and_on_all_together(toy: Toy) -> None:
    context = toy.context([toy.node("a"), toy.node("b", ("embedding", "a.value")), toy.calculator("c", ("a.value",))])
    told: list[tuple[str, int, int]] = []
    costs = bench_training(context, 2, 3, lambda *given: told.append(given))
    assert told == [("bench", number, 3) for number in range(3)]
    loops = list(dict.fromkeys(cost.loop for cost in costs))
    assert {"by hand", "redheart", "in turns"} <= set(loops)
    assert [(cost.group, cost.loop) for cost in costs] == [
        (group, loop) for group in ("a", "b", "all") for loop in loops
    ]
    by_name = {(cost.group, cost.loop): cost for cost in costs}
    for cost in costs:
        assert cost.samples_per_second > 0
        assert cost.wall.ends[0] <= cost.wall.number <= cost.wall.ends[1]
        assert cost.updates == (4 if cost.group == "all" else 2)
        least = 4 * 4 * cost.parameters if cost.group != "all" else 0  # weights, gradients and two moments
        assert cost.peak >= least
    for loop in loops:
        parts = [by_name[group, loop] for group in "ab"]
        most = max(part.peak for part in parts)
        if loop == "in turns":
            assert by_name["all", loop].peak == most
        else:
            assert most < by_name["all", loop].peak < sum(part.peak for part in parts)
    assert by_name["all", "by hand"].processor.number == 1


def test_a_loop_in_turns_leaves_the_same_bits(toy: Toy, tmp_path: Path) -> None:
    context = few(toy.context([toy.node("a")]), 5)
    stays, moves = (context.trainer(context.groups[0]) for _ in range(2))
    shelf = MappedFiles(tmp_path / "idle")
    for epoch in (1, 2):
        by_redheart(context, stays, epoch)
        in_turns(shelf)(context, moves, epoch)
    shelf.close()
    for name, tensor in stays.module.parameter_dict().items():
        assert torch.equal(tensor, moves.module.parameter_dict()[name])


def test_a_ratio_pairs_what_was_measured_together() -> None:
    found = ratio([1.1, 2.2, 4.4], [1.0, 2.0, 4.0])
    assert found.number == pytest.approx(1.1)
    assert found.ends == pytest.approx((1.1, 1.1))
    low, high = ratio([1.0, 4.0], [1.0, 1.0]).ends
    assert low < 2.0 < high
    assert math.log(high / 2.0) == pytest.approx(12.706 * math.log(2.0), rel=1e-4)  # Student's t of one degree
