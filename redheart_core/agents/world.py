"""An environment as the core sees it: agents in a fixed order, actions in -1..1, everything checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import torch
from torch import Tensor

from redheart_core.contract.errors import DataError, PluginError
from redheart_core.groups.plugin_calls import setting_up

Environment = Any
"""A PettingZoo ParallelEnv; the core needs no PettingZoo itself."""


@attrs.frozen(eq=False)
class World:
    """An environment's agents and spaces, with as many copies of it as are played side by side."""

    name: str
    make: Callable[[], Environment]
    agents: tuple[str, ...]
    observations: tuple[int, ...]
    """Numbers that each agent observes."""
    low: tuple[Tensor, ...]
    """(A,) each: the least of each action."""
    high: tuple[Tensor, ...]
    copies: list[Environment]

    @classmethod
    def of(cls, name: str, make: Callable[[], Environment]) -> World:
        """Make an environment and look at its spaces.

        Raises:
            PluginError: It has no agents, names that no folder can have, or spaces that agents cannot use.
        """
        with setting_up(name, "make"):
            first = make()
        agents = tuple(first.possible_agents)
        if not agents or len({group_name(agent) for agent in agents}) < len(agents):
            raise PluginError(f"environment '{name}' needs agents with different names, got {list(agents)}")
        for agent in agents:
            if not re.fullmatch("[A-Za-z0-9_-]+", agent):
                raise PluginError(
                    f"environment '{name}': the agent '{agent}' cannot name a folder; use letters, digits, - and _"
                )
        spaces = [(first.observation_space(agent), first.action_space(agent)) for agent in agents]
        bounds = [_bounds(name, agent, space) for agent, (_, space) in zip(agents, spaces, strict=True)]
        sizes = tuple(_vector(name, agent, space) for agent, (space, _) in zip(agents, spaces, strict=True))
        return cls(
            name, make, agents, sizes, tuple(low for low, _ in bounds), tuple(high for _, high in bounds), [first]
        )

    @property
    def actions(self) -> tuple[int, ...]:
        """Numbers that each agent sets."""
        return tuple(len(low) for low in self.low)

    @property
    def groups(self) -> tuple[str, ...]:
        """The checkpoint group of each agent."""
        return tuple(map(group_name, self.agents))

    @property
    def alike(self) -> bool:
        """Whether all agents observe and set equally many numbers."""
        return len(set(self.observations)) == 1 and len(set(self.actions)) == 1

    def side_by_side(self, number: int) -> list[Environment]:
        """So many copies, made once."""
        while len(self.copies) < number:
            with setting_up(self.name, "make"):
                self.copies.append(self.make())
        return self.copies[:number]

    def scaled(self, agent: int, action: Tensor) -> np.ndarray[Any, Any]:
        """Actions -1..1 of an agent, (..., A), within its bounds."""
        low, high = self.low[agent], self.high[agent]
        return (low + (action.clamp(-1, 1) + 1) / 2 * (high - low)).clamp(low, high).numpy()

    def observed(self, found: Mapping[str, Any], where: str) -> list[Tensor | None]:
        """(O,) float32 of each agent, None of one that is not there.

        Raises:
            DataError: An observation has another size or is not finite.
        """
        rows: list[Tensor | None] = []
        for agent, size in zip(self.agents, self.observations, strict=True):
            if agent not in found:
                rows.append(None)
                continue
            row = np.asarray(found[agent], np.float32).ravel()
            if len(row) != size:
                raise DataError(f"{where}: {agent} observes {len(row)} numbers, its space has {size}")
            if not np.isfinite(row).all():
                raise DataError(f"{where}: {agent} observes {row.tolist()}; observations have to be finite")
            rows.append(torch.tensor(row))
        return rows

    def rewarded(self, rewards: Mapping[str, Any], acted: Sequence[bool], where: str) -> list[float]:
        """The reward of each agent, 0 of one that did not act.

        Raises:
            DataError: One that acted has none, or one that is not finite.
        """
        values = []
        for agent, there in zip(self.agents, acted, strict=True):
            if there and agent not in rewards:
                raise DataError(f"{where}: {agent} acted and gets no reward; step has to give one for each that acts")
            value = float(rewards[agent]) if there else 0.0
            if not np.isfinite(value):
                raise DataError(f"{where}: {agent} gets the reward {value}; rewards have to be finite")
            values.append(value)
        return values


def group_name(agent: str) -> str:
    """The checkpoint group of an agent."""
    return agent if agent.startswith("agent_") else f"agent_{agent}"


def _vector(name: str, agent: str, space: Any) -> int:
    shape = getattr(space, "shape", None)
    if shape is None or len(shape) != 1:
        raise PluginError(
            f"environment '{name}': {agent} observes {space}; agents read vectors, a Box of one dimension"
        )
    return int(shape[0])


def _bounds(name: str, agent: str, space: Any) -> tuple[Tensor, Tensor]:
    low, high = getattr(space, "low", None), getattr(space, "high", None)
    if low is None or high is None or len(space.shape) != 1 or not np.isfinite([low, high]).all():
        raise PluginError(
            f"environment '{name}': {agent} acts in {space}; agents set numbers within bounds, a Box of one dimension "
            "(environments of PettingZoo often have a setting such as continuous_actions = true)"
        )
    return torch.as_tensor(np.asarray(low, np.float32)), torch.as_tensor(np.asarray(high, np.float32))
