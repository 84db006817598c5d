"""List scheduling (Graham 1969): whenever a node is free, it takes the next task whose predecessors are done."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence

import attrs


@attrs.frozen
class Task:
    """A piece of work."""

    seconds: float
    after: tuple[str, ...]
    """Names of tasks that have to end first."""


@attrs.frozen
class Schedule:
    """When everything ends on so many nodes."""

    nodes: int
    seconds: float
    """Until the last task ends."""
    busy: float
    """Share of the nodes' time until then in which they work."""


def list_schedule(tasks: Mapping[str, Task], nodes: int, start_s: float) -> Schedule:
    """Place tasks on nodes in the order in which they are given, each as soon as it can run.

    A node that has started is taken before one that has not.

    Args:
        tasks: By name; of those that can run the first is taken.
        nodes: Each runs one task at a time.
        start_s: What a node takes before its first task.
    """
    waiting = {name: len(task.after) for name, task in tasks.items()}
    followers: dict[str, list[str]] = {name: [] for name in tasks}
    for name, task in tasks.items():
        for before in task.after:
            followers[before].append(name)
    places = {name: place for place, name in enumerate(tasks)}
    ready = [place for name, place in places.items() if not waiting[name]]
    names: Sequence[str] = tuple(tasks)
    running: list[tuple[float, int]] = []
    started, idle, now = 0, 0, 0.0  # nodes that have started, and those of them that are free
    while ready or running:
        while ready and (idle or started < nodes):
            name, begins = names[heapq.heappop(ready)], now
            if idle:
                idle -= 1
            else:
                started, begins = started + 1, now + start_s
            heapq.heappush(running, (begins + tasks[name].seconds, places[name]))
        now, place = heapq.heappop(running)
        idle += 1
        for follower in followers[names[place]]:
            waiting[follower] -= 1
            if not waiting[follower]:
                heapq.heappush(ready, places[follower])
    work = sum(task.seconds for task in tasks.values()) + start_s * started
    return Schedule(nodes, now, work / (nodes * now) if now else 1.0)
