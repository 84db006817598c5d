"""Memory of a training: what steps hold, measured, and what a budget refuses."""

from __future__ import annotations

from mmap import ACCESS_READ, PAGESIZE, mmap
from pathlib import Path

import attrs
import click
import pytest
import torch
from toy import Toy

from redheart_cli.budget import Bytes
from redheart_core.data.lower_outputs import LowerOutputs
from redheart_core.training.memory_plan import BETWEEN_PROCESSES, GroupMemory, MemoryPlan, plan_memory
from redheart_core.training.peaks import ProcessMemory
from redheart_core.training.step_memory import StepMemory, most_allocated

CPU = torch.device("cpu")


def test_the_most_that_is_held_at_once_is_exact() -> None:
    def work() -> None:
        first, second = torch.empty(1000), torch.empty(2000)
        del first
        third = torch.empty(500)
        del second, third

    assert most_allocated(work, CPU) == 4 * 3000


def made_up(name: str, tier: int, resident: int, working: int) -> GroupMemory:
    return GroupMemory(name, tier, 64, 100, StepMemory(resident, 0, 0, working, 0, 0.5))


PLAN = MemoryPlan("cpu", (made_up("a", 0, 4 * 10**6, 1 * 10**6), made_up("b", 0, 2 * 10**6, 6 * 10**6)))


def test_a_tier_holds_all_its_groups_and_the_largest_step() -> None:
    (tier,) = PLAN.tiers
    assert (tier.resident, tier.working, tier.largest, tier.peak) == (6 * 10**6, 6 * 10**6, "b", 12 * 10**6)
    assert tier.seconds == 100.0
    above = attrs.evolve(PLAN, groups=(*PLAN.groups, made_up("c", 1, 20 * 10**6, 0)))
    assert above.peak == 20 * 10**6


def test_what_is_there_before_any_group_counts() -> None:
    assert attrs.evolve(PLAN, base=5).peak == PLAN.peak + 5


def test_measured_states_are_those_of_adamw_and_the_peak_is_that_of_steps_taken(toy: Toy) -> None:
    context = toy.context([toy.node("wide", width=3000), toy.node("narrow", width=500)])
    plan = plan_memory(context)
    (tier,) = plan.tiers
    for one in plan.groups:
        group = next(group for group in context.groups if group.name == one.name)
        parameters = list(context.module(group).parameters())
        size = 4 * sum(parameter.numel() for parameter in parameters)
        assert (one.step.weights, one.step.gradients) == (size, size)
        assert one.step.optimizer == 2 * size + 4 * len(parameters)

    def steps() -> None:
        trainers = [context.trainer(group) for group in context.groups]
        batches = [context.source.batch(context.longest_rows(group), group.inputs) for group in context.groups]
        for step in range(3):
            for trainer, batch in zip(trainers, batches, strict=True):
                trainer.step(batch, 1, step)
                trainer.module.zero_grad(set_to_none=True)

    largest = max(one.step.gradients + one.step.working for one in plan.groups)
    assert most_allocated(steps, CPU) == pytest.approx(tier.resident + largest, rel=0.1)


def test_what_a_turn_was_measured_to_take_counts_where_it_is_more_than_its_tensors() -> None:
    step = StepMemory(weights=1, gradients=20, optimizer=2, working=30, after=40, seconds=0.5)
    assert [attrs.evolve(step, grown=grown).transient for grown in (0, 49, 70)] == [50, 50, 70]


def test_a_plan_for_another_process_allows_for_what_that_one_may_take_more() -> None:
    assert PLAN.for_others().peak == PLAN.peak + BETWEEN_PROCESSES


def test_outputs_of_finished_groups_count_for_all_records() -> None:
    outputs = LowerOutputs(torch.tensor([3, 1, 2, 5]), ["a.chunks"])
    outputs.append(torch.tensor([0]), {"a.chunks": torch.zeros(3, 2), "a.value": torch.zeros(1, 7)})
    assert outputs.bytes_of(torch.tensor([0, 1, 3])) == 4 * ((3 + 1 + 5) * 2 + 3 * 7)


def test_files_that_are_mapped_and_not_read_are_still_to_come(tmp_path: Path) -> None:
    size, page = 64 * PAGESIZE, PAGESIZE
    (tmp_path / "inside").write_bytes(bytes(size))
    meter = ProcessMemory()
    assert meter.to_come(tmp_path) == 0
    with (tmp_path / "inside").open("rb") as file, mmap(file.fileno(), size, access=ACCESS_READ) as pages:
        assert meter.to_come(tmp_path) == size
        assert pages[0] == 0
        assert 0 < meter.to_come(tmp_path) <= size - page
        assert sum(pages[::page]) == 0
        assert meter.to_come(tmp_path) == 0


def test_closed_forms_are_not_computed(toy: Toy) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("fitted")

    fitted = toy.node("closed")
    fitted = attrs.evolve(fitted, spec=attrs.evolve(fitted.spec, fit=refuse))
    plan = plan_memory(toy.context([fitted, toy.node("above", ("embedding", "closed.value"))]))
    assert [one.name for one in plan.groups] == ["above"]


@pytest.mark.parametrize(("text", "size"), [("8G", 8 * 10**9), ("500M", 5 * 10**8), ("1.5K", 1500)])
def test_sizes_are_read_with_decimal_units(text: str, size: int) -> None:
    assert Bytes().convert(text, None, None) == size


@pytest.mark.parametrize("text", ["8", "0G", "8GB", "-1G", "nanG"])
def test_other_sizes_are_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="such as 8G or 500M"):
        Bytes().convert(text, None, None)
