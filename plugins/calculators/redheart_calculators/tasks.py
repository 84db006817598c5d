"""Calculators that take alternative sets of inputs: which of them are there."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import attrs

from redheart_core import DataError


@attrs.frozen
class Task:
    """Something to compute, chosen by giving the first of the inputs that it needs."""

    name: str
    needs: tuple[str, ...]
    may: tuple[str, ...] = ()


def chosen_tasks(inputs: Collection[str], tasks: Sequence[Task]) -> list[str]:
    """Names of the tasks that the inputs ask for, at least one.

    Raises:
        DataError: An input of a task is missing, an input serves no task, or there is no task.
    """
    chosen = [task for task in tasks if task.needs[0] in inputs]
    for task in chosen:
        absent = [name for name in task.needs if name not in inputs]
        if absent:
            raise DataError(f"'{task.needs[0]}' needs {' and '.join(map(repr, absent))} beside it; give that too")
    used = {name for task in chosen for name in (*task.needs, *task.may)}
    for name in sorted(set(inputs) - used):
        firsts = [task.needs[0] for task in tasks if name in (*task.needs, *task.may)]
        raise DataError(f"'{name}' is used only together with {_listed(firsts)}; give that too, or leave '{name}' out")
    if not chosen:
        offered = "; ".join(" with ".join(task.needs) for task in tasks)
        raise DataError(f"there is nothing to compute; give one of: {offered}")
    return [task.name for task in chosen]


def _listed(names: Sequence[str]) -> str:
    return " or ".join(f"'{name}'" for name in names)
