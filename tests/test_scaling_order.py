"""In which order tasks reach a cluster, on one that stands for Ray and runs the task that came last first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import attrs
import numpy as np

from redheart_core.exact.numbers import FloatArray
from redheart_scaling.cluster import AHEAD, Planned, Resources, run_planned, run_ready

CPU, GPU = Resources(cpus=1), Resources(cpus=0, gpus=1)
HELD = {"CPU": 2.0, "GPU": 1.0}


@attrs.define
class StandIn:
    """A cluster of one process with two CPUs and a GPU."""

    given: list[Any] = attrs.Factory(list)
    waiting: dict[int, tuple[Callable[..., Any], tuple[Any, ...], str]] = attrs.Factory(dict)
    most: Counter[str] = attrs.Factory(Counter)
    """Tasks of a kind that have waited at a time."""

    def cluster_resources(self) -> dict[str, float]:
        return HELD

    def remote(self, function: Callable[..., Any]) -> Any:
        cluster = self

        @attrs.define
        class Task:
            kind: str = ""

            def options(self, num_gpus: float, **rest: Any) -> Task:
                return Task("gpu" if num_gpus else "cpu")

            def remote(self, *arguments: Any) -> int:
                number = len(cluster.given)
                cluster.given.append(arguments[0])
                cluster.waiting[number] = (function, arguments, self.kind)
                kinds = Counter(kind for _, _, kind in cluster.waiting.values())
                cluster.most |= kinds
                return number

        return Task()

    def wait(self, tasks: Sequence[int], timeout: float) -> tuple[list[int], list[int]]:
        return [max(tasks)], sorted(tasks)[:-1]

    def get(self, task: int) -> Any:
        function, arguments, _ = self.waiting.pop(task)
        found = function(*arguments)
        found.flags.writeable = False
        return found


def numbered(number: int) -> FloatArray:
    return np.full(2, float(number))


def test_little_more_is_given_than_can_run_in_the_order_of_those_that_can_begin() -> None:
    cluster = StandIn()
    planned = {str(number): Planned(numbered, CPU, (number,)) for number in range(9)}
    planned["9"] = Planned(numbered, GPU, (9,))
    found = run_planned(cluster, planned, lambda done: None)
    assert {name: array.tolist() for name, array in found.items()} == {str(one): [one, one] for one in range(10)}
    assert cluster.given == [0, 1, 2, 3, 9, *range(4, 9)], "the GPU does not wait for those that ask for none"
    assert cluster.most == {"cpu": AHEAD * 2, "gpu": 1}
    for array in found.values():
        array += 1.0


def test_a_task_begins_once_what_it_follows_from_has_ended() -> None:
    ended = list[str]()

    def ready() -> dict[str, Planned]:
        """Task 0 shows that there are two more, and those that there is a last one."""
        most = {0: 1, 1: 3, 2: 3, 3: 4, 4: 4}[len(ended)]
        return {str(number): Planned(numbered, CPU, (number,)) for number in range(most)}

    run_ready(StandIn(), ready, lambda name, _: ended.append(name), lambda: None)
    assert ended == ["0", "2", "1", "3"]
