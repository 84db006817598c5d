"""Trainings that kill their own process in the middle of an update or of a save."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from own_process import run_and_die
from toy import Toy

from redheart_core import ActiveNode
from redheart_core.config.tables import GroupSettings
from redheart_core.training.context import TrainingContext
from redheart_core.training.turns import TurnPlan

Nodes = Sequence[tuple[str, Mapping[str, Any]]] | Callable[[Toy], Sequence[ActiveNode]]
"""Names of toy nodes with their arguments, or a function of a module that makes the nodes."""
Plan = Callable[[TrainingContext], TurnPlan]
NO_GROUPS: Mapping[str, GroupSettings] = {}


def train_until_killed(
    folder: Path,
    name: str,
    nodes: Nodes,
    place: str,
    after: int,
    groups: Mapping[str, GroupSettings] = NO_GROUPS,
    plan: Plan | None = None,
) -> None:
    """Train in a process of its own that dies at a call of a function.

    Args:
        folder: Of the toy.
        name: Of the run.
        nodes: To train.
        place: "step" for the update of a group, "rename" or "fsync" for those calls of the system.
        after: The number of the call that is not made.
        groups: Their tables.
        plan: Makes the plan within which groups take turns.
    """
    assert run_and_die(_train, folder, name, nodes, place, after, groups, plan) == -signal.SIGKILL


def _train(
    folder: Path,
    name: str,
    nodes: Nodes,
    place: str,
    after: int,
    groups: Mapping[str, GroupSettings],
    plan: Plan | None,
) -> None:
    from redheart_core.training.group_trainer import GroupTrainer

    toy = Toy(folder)
    store = toy.store()
    owner, attribute = {"step": (GroupTrainer, "step"), "rename": (os, "replace"), "fsync": (os, "fsync")}[place]
    made = make_nodes(toy, nodes)
    planned = None if plan is None else plan(toy.context(made, store, groups))  # which takes steps too
    setattr(owner, attribute, _dying(getattr(owner, attribute), after))
    toy.run(name, made, store, groups=groups, plan=None if planned is None else lambda _: planned)


def make_nodes(toy: Toy, nodes: Nodes) -> list[ActiveNode]:
    """The nodes themselves."""
    return list(nodes(toy)) if callable(nodes) else [toy.node(name, **arguments) for name, arguments in nodes]


def _dying(function: Callable[..., object], after: int) -> Callable[..., object]:
    left = after

    def wrapped(*args: object, **kwargs: object) -> object:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)

    return wrapped
