"""A Ray cluster: connecting to it, what a task asks of it, and waiting for tasks."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from copy import deepcopy
from typing import Any, TypeVar

import attrs

from redheart_core.contract.errors import RedheartError, SettingsError

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")

LOCAL = "local"
"""The address that stands for a cluster on this machine, started for the command and ended with it."""
RETRIES = 20
"""How often a task begins again after its node or its process was lost."""
CONNECT_S = 10.0
LOCK_WAIT_S = 300.0
"""How long a task waits for a lock: of a machine that was lost, a file system may hold it for a while."""
AHEAD = 2
"""Tasks under way for each that the cluster can run at a time, so that no node waits for the next one."""
LOOK_S = 0.5
"""From look to look at the tasks under way."""
Asked = Mapping[str, Mapping[str, float]]
"""Task to what it asks of a node beyond the defaults, as Resources names it. Those of a group have its name."""


@attrs.frozen
class Resources:
    """What a task asks of a node."""

    cpus: float = 1.0
    gpus: float = 0.0
    memory_mb: float = 0.0
    """Main memory; 0 asks for none in particular."""

    def options(self) -> dict[str, Any]:
        """As Ray names them."""
        memory = {"memory": int(self.memory_mb * 1e6)} if self.memory_mb else {}
        return {"num_cpus": self.cpus, "num_gpus": self.gpus, **memory}

    def places(self, held: Mapping[str, float]) -> int:
        """How many such tasks a node with these resources, as Ray names them, can run at a time."""
        wanted = (("CPU", self.cpus), ("GPU", self.gpus), ("memory", self.memory_mb * 1e6))
        return min(int(held.get(name, 0.0) / amount) for name, amount in wanted if amount)

    def __str__(self) -> str:
        parts = [f"{self.cpus:g} CPUs"]
        parts += [f"{self.gpus:g} GPUs"] if self.gpus else []
        parts += [f"{self.memory_mb:g} MB"] if self.memory_mb else []
        return ", ".join(parts)


def library() -> Any:
    """Ray.

    Raises:
        RedheartError: It is not installed.
    """
    try:
        import ray
    except ImportError as error:
        raise RedheartError(f'Ray is not installed ({error}); pip install "redheart[ray]"') from error
    return ray


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """Inside, tasks go to the cluster; yields Ray.

    Args:
        address: Of a cluster that runs, such as "10.0.0.1:6379", "auto" for the one of this machine, or LOCAL.

    Raises:
        RedheartError: Ray is not installed, or no cluster answers.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to anybody
    ray = library()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    options = {"include_dashboard": False} if address == LOCAL else {}
    try:
        _require_answer(address)
        ray.init(address=address, log_to_driver=False, logging_level="ERROR", **options)
    except (OSError, ValueError, RuntimeError) as error:
        raise RedheartError(
            f"no Ray cluster answers at '{address}': {error}; start one with ray start --head, or choose '{LOCAL}'"
        ) from error
    for number, handler in handlers.items():
        signal.signal(number, handler)  # Ray's own end the process without the command's last words
    with redirect_stdout(sys.stderr):  # where Ray reports lost nodes, up to its very end
        try:
            yield ray
        finally:
            ray.shutdown()


def _require_answer(address: str) -> None:
    """Ray itself tries for a minute to reach an address where nobody listens.

    Raises:
        OSError: Nobody does.
    """
    host, found, port = address.rpartition(":")
    if found and port.isdecimal():
        with socket.create_connection((host.rpartition("/")[2], int(port)), CONNECT_S):
            pass


def require_room(ray: Any, wanted: Mapping[str, Resources]) -> None:
    """Refuse tasks that no node of the cluster can run: Ray would wait for such a node for ever.

    Raises:
        SettingsError: Names the task, what it asks for and what the largest nodes have.
    """
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    for name, resources in wanted.items():
        if not any(resources.places(node) for node in nodes):
            found = "; ".join(f"{node.get('CPU', 0):g} CPUs, {node.get('GPU', 0):g} GPUs" for node in nodes)
            raise SettingsError(
                f"no node of the cluster has the {resources} that '{name}' asks for (nodes: {found}); "
                "add such a node, or ask for less with --resource"
            )


def submit(ray: Any, function: Callable[..., Any], resources: Resources, *arguments: Any) -> Any:
    """A task, which begins again if its node is lost; gives the reference to its result.

    Args:
        ray: As connected yields it.
        function: Of a module, which every node has.
        resources: What it asks of a node.
        arguments: Of the function.
    """
    task = ray.remote(function)
    return task.options(max_retries=RETRIES, scheduling_strategy="SPREAD", **resources.options()).remote(*arguments)


def resources_for(defaults: Mapping[str, Resources], asked: Asked) -> dict[str, Resources]:
    """What each task asks of a node, with what a caller says.

    Raises:
        SettingsError: There is no such task.
    """
    unknown = sorted(set(asked) - set(defaults))
    if unknown:
        raise SettingsError(
            f"--resource asks something for '{unknown[0]}', which is no task here (tasks: {', '.join(defaults)})"
        )
    return {name: attrs.evolve(one, **asked.get(name, {})) for name, one in defaults.items()}


@attrs.frozen
class Planned:
    """A task, and what has to end before it."""

    function: Callable[..., Any]
    resources: Resources
    arguments: tuple[Any, ...]
    after: tuple[str, ...] = ()
    """Names of other tasks."""


def run_planned(ray: Any, planned: Mapping[str, Planned], look: Callable[[int], None]) -> dict[str, Any]:
    """The results of tasks by name; of those that can begin, the first of them come first.

    Ray itself would begin tasks that wait for others in any order.

    Args:
        ray: As connected yields it.
        planned: By name.
        look: Called now and then with the number of tasks that have ended.

    Raises:
        RedheartError: That of a task, or one of them was lost again and again.
    """
    found = dict[str, Any]()

    def ready() -> dict[str, Planned]:
        return {name: one for name, one in planned.items() if all(before in found for before in one.after)}

    run_ready(ray, ready, found.__setitem__, lambda: look(len(found)))
    return found


def run_ready(
    ray: Any,
    ready: Callable[[], Mapping[str, Planned]],
    take: Callable[[str, Any], None],
    look: Callable[[], None],
) -> None:
    """Run tasks of which it shows one after another what they are.

    Ray begins what it has been given in any order, so that it is given little more than it can run of those that ask
    for the same.

    Args:
        ray: As connected yields it.
        ready: Asked for the tasks that can begin, by name, whenever one has ended; those that have begun may be among
            them and are not begun again.
        take: Called with the name of each task that has ended, and its result, whose arrays may be written to.
        look: Called now and then.

    Raises:
        RedheartError: That of a task, or one of them was lost again and again.
    """
    begun, at_work = set[str](), dict[Any, tuple[str, Resources]]()
    while True:
        held, alike = ray.cluster_resources(), Counter(resources for _, resources in at_work.values())
        for name, one in ready().items():
            if name not in begun and alike[one.resources] < AHEAD * max(1, one.resources.places(held)):
                begun.add(name)
                alike[one.resources] += 1
                at_work[submit(ray, one.function, one.resources, *one.arguments)] = name, one.resources
        if not at_work:
            return
        ended: list[Any] = []
        while not ended:
            look()
            ended, _ = ray.wait(list(at_work), timeout=LOOK_S)
        for task in ended:
            name, _ = at_work.pop(task)
            take(name, deepcopy(result(ray, name, task)))  # Ray gives views of its own memory
        look()


def in_order(
    ray: Any, name: str, function: Callable[[A, B], C], resources: Resources, what: A, parts: Iterable[B]
) -> Iterator[C]:
    """The results of a task for each part, in the order of these; few parts are in memory at a time.

    Args:
        ray: As connected yields it.
        name: Of the work, for errors.
        function: Of a module, of what and a part.
        resources: What a task asks of a node.
        what: The same for all parts.
        parts: Reach the nodes through the memory of the cluster.

    Raises:
        RedheartError: That of a task, or one of them was lost again and again.
    """
    at_work: deque[Any] = deque()
    for part in parts:
        at_work.append(submit(ray, function, resources, what, part))
        if len(at_work) >= AHEAD * max(1, resources.places(ray.cluster_resources())):
            yield result(ray, name, at_work.popleft())
    while at_work:
        yield result(ray, name, at_work.popleft())


def result(ray: Any, name: str, task: Any) -> Any:
    """The result of a task, once it has ended.

    Raises:
        RedheartError: That of the task, or it was lost again and again.
    """
    try:
        return ray.get(task)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, RedheartError):
            raise error.cause from error
        raise
    except ray.exceptions.RayError as error:
        raise RedheartError(
            f"the task of '{name}' was lost {RETRIES + 1} times: {error}; "
            "what it had finished is kept, run the same command again"
        ) from error
