"""Plans under which toy groups take turns, within budgets that are counted exactly; and what they move."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from redheart_core.training.budget import Budget
from redheart_core.training.context import TrainingContext
from redheart_core.training.memory_plan import plan_memory
from redheart_core.training.shelves import MappedFiles, Storages
from redheart_core.training.turns import TurnPlan, plan_turns

ENOUGH = 100 * 10**9
"""More than a process of a test holds."""


@attrs.frozen
class Tight:
    """A plan that leaves room for the largest turn and some bytes more.

    Tensors alone count: by how much a process grows is not the same twice.
    """

    turn_steps: int = 0
    more: int = 0
    step_seconds: float = 1.0
    """Of each group, as if measured: long steps make a turn one epoch, short ones several."""

    def __call__(self, context: TrainingContext) -> TurnPlan:
        memory = plan_memory(context)
        groups = tuple(
            attrs.evolve(
                one, step=attrs.evolve(one.step, seconds=self.step_seconds, grown=0), validation=0.0, saving=0.0
            )
            for one in memory.groups
        )
        room = max(one.alone for one in groups) + self.more
        memory = attrs.evolve(memory, groups=groups, base=ENOUGH - room)
        return plan_turns(memory, Budget(ENOUGH, turn_steps=self.turn_steps))


def moved_files(seen: list[str]) -> Callable[[MappedFiles, str, Storages], None]:
    """A MappedFiles.put that notes whose state it moves."""
    real = MappedFiles.put

    def put(self: MappedFiles, group: str, storages: Storages) -> None:
        seen.append(group)
        real(self, group, storages)

    return put
