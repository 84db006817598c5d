"""redheart plan --nodes: time and memory of a training on several nodes, from the epochs of a run."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import attrs
import pytest
from front_door import GROUPS, Finished, hashes, refuse, succeed
from toy import Toy

from redheart_core.training.memory_plan import GroupMemory, MemoryPlan
from redheart_core.training.node_plan import task_memory
from redheart_core.training.step_memory import StepMemory


def test_times_follow_from_the_epochs_of_the_run(finished: Finished, tmp_path: Path) -> None:
    before = hashes(finished.folder)
    found = succeed("plan", "--nodes", "6", "--costs", finished.folder, "--json", cwd=tmp_path).json()
    assert hashes(finished.folder) == before
    groups = {group["name"]: group for group in found["groups"]}
    assert set(groups) == set(GROUPS)
    assert {group["epochs"] for group in groups.values()} == {3}
    assert all(group["epoch"] > 0 and group["audit"] > 0 for group in groups.values())
    assert [one["nodes"] for one in found["nodes"]] == [1, 2, 4, 6]
    first, *_, last = [one["seconds"] for one in found["nodes"]]
    training = [3 * group["epoch"] + group["audit"] for group in groups.values()]
    assert first == pytest.approx(found["start"] + sum(training) + len(groups) * found["opening"])
    assert last == pytest.approx(found["start"] + found["opening"] + max(training))  # no group reads another
    for memory in (found["groups"][0]["memory"], found["together"], found["memory"]):
        assert 10**8 < memory < 10**10, "with the process"
    assert found["memory"] == max(group["memory"] for group in groups.values()) <= found["together"]
    table = succeed("plan", "--nodes", "2", "--costs", finished.folder, cwd=tmp_path).out
    assert " MB\na node, one task at a time: " in table.partition("one process for all groups: ")[2]
    header, first = table.splitlines()[:2]
    assert header.split()[-1] == "memory"
    assert re.fullmatch("[0-9]+ MB", " ".join(first.split()[-2:]))


def test_a_node_holds_one_group_that_learns_or_one_that_answers(toy: Toy) -> None:
    """The groups are low, high that reads it, and top that reads high."""
    context = toy.context(
        [
            toy.node("low"),
            toy.node("high", reads=("embedding", "low.value")),
            toy.node("top", reads=("embedding", "high.value")),
        ]
    )
    large, small = StepMemory(100, 100, 200, 50, 30, 1.0), StepMemory(10, 10, 20, 5, 3, 1.0)
    steps = (("low", 0, small), ("high", 1, large), ("top", 2, small))
    memory = MemoryPlan("cpu", tuple(GroupMemory(name, tier, 64, 8, step) for name, tier, step in steps), base=1000)
    assert memory.peak == 1000 + (100 + 200) + (100 + 50), "the largest tier, here a group"
    assert task_memory(context.groups, memory) == {
        "low": 1000 + (10 + 20) + (10 + 5),
        "high": 1000 + (100 + 200) + (100 + 50),
        "top": 1000 + 100 + 30,
    }, "top trains in little, but high answers for it before"
    closed = attrs.evolve(memory, groups=memory.groups[2:])
    assert task_memory(context.groups, closed) == {"low": 1000, "high": 1000, "top": 1000 + 45}


def test_what_is_not_known_is_said(finished: Finished, tmp_path: Path) -> None:
    run = finished.copy(tmp_path)
    refuse("plan", "--nodes", "2", cwd=tmp_path, says=["--nodes N and --costs RUN belong together"], code=2)
    refuse("plan", "--nodes", "2", "--costs", run, "--seed", "1", cwd=tmp_path, says=["leave the other"], code=2)
    shutil.rmtree(run / "groups" / GROUPS[1])
    (run / "events.jsonl").unlink()
    refuse("plan", "--nodes", "2", "--costs", run, cwd=tmp_path, says=["have done no epoch", f"'{GROUPS[1]}'"])
