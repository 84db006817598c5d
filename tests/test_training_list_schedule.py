"""List scheduling against schedules made by hand, and its bounds (Graham 1969) on random tasks."""

from __future__ import annotations

import random

import pytest

from redheart_core.training.list_schedule import Task, list_schedule

DIAMOND = {"a": Task(2.0, ()), "b": Task(3.0, ()), "c": Task(1.0, ("a",)), "d": Task(4.0, ("b", "c"))}


@pytest.mark.parametrize(
    ("nodes", "start_s", "seconds", "busy"),
    [(1, 0.0, 10.0, 1.0), (1, 5.0, 15.0, 1.0), (2, 0.0, 7.0, 10 / 14), (2, 1.0, 8.0, 12 / 16), (9, 1.0, 8.0, 12 / 72)],
)
def test_a_diamond_by_hand(nodes: int, start_s: float, seconds: float, busy: float) -> None:
    found = list_schedule(DIAMOND, nodes, start_s)
    assert (found.nodes, found.seconds) == (nodes, seconds)
    assert found.busy == pytest.approx(busy)


def test_nothing_takes_no_time() -> None:
    assert list_schedule({}, 3, 1.0).seconds == 0.0


def test_it_stays_within_its_bounds() -> None:
    generator = random.Random(5)
    for _ in range(300):
        tasks: dict[str, Task] = {}
        for number in range(generator.randint(1, 12)):
            after = tuple(name for name in tasks if generator.random() < 0.2)
            tasks[f"t{number}"] = Task(generator.uniform(0.1, 5.0), after)
        ends: dict[str, float] = {}
        for name, task in tasks.items():
            ends[name] = task.seconds + max((ends[before] for before in task.after), default=0.0)
        path, work = max(ends.values()), sum(task.seconds for task in tasks.values())
        assert list_schedule(tasks, 1, 0.0).seconds == pytest.approx(work)
        assert list_schedule(tasks, len(tasks), 0.0).seconds == pytest.approx(path)
        for nodes in (2, 3, 8):
            seconds = list_schedule(tasks, nodes, 0.0).seconds
            assert max(path, work / nodes) - 1e-9 <= seconds <= work / nodes + (1 - 1 / nodes) * path + 1e-9
