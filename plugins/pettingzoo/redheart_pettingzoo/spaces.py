"""What agents see and do: vectors and bounded vectors, or the reason why not."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from gymnasium.spaces import Box, Discrete

from redheart_core import SettingsError
from redheart_pettingzoo.settings import PettingZooSettings


@attrs.frozen
class Spaces:
    """Of one agent."""

    observation: Box
    """One axis."""
    action: Box
    """One axis, all bounds finite."""
    inner_action: Any
    """The environment's own."""


def spaces_of(environment: Any, settings: PettingZooSettings, takes_continuous: bool) -> dict[str, Spaces]:
    """Of all agents.

    Args:
        environment: PettingZoo's.
        settings: Of the plugin.
        takes_continuous: The environment has an argument continuous_actions.

    Raises:
        SettingsError: Agents cannot see or act in it.
    """
    found = {}
    for agent in environment.possible_agents:
        seen, done = environment.observation_space(agent), environment.action_space(agent)
        where = f"pettingzoo: in {settings.module} {agent}"
        if not isinstance(seen, Box):
            raise SettingsError(f"{where} observes {seen}; agents learn from numbers (Box) alone, so wrap it")
        found[agent] = Spaces(
            Box(
                seen.low.reshape(-1).astype(np.float32),
                seen.high.reshape(-1).astype(np.float32),
                dtype=np.float32,
            ),
            _action(where, done, settings, takes_continuous),
            done,
        )
    return found


def _action(where: str, space: Any, settings: PettingZooSettings, takes_continuous: bool) -> Box:
    if isinstance(space, Discrete):
        if settings.discrete == "scores":
            return Box(0.0, 1.0, (int(space.n),), np.float32)
        continuous = "arguments = { continuous_actions = true } or " if takes_continuous else ""
        raise SettingsError(
            f"{where} chooses one of {space.n} actions, but agents set numbers; set {continuous}"
            'discrete = "scores" under [plugins.pettingzoo]'
        )
    if not isinstance(space, Box):
        raise SettingsError(f"{where} acts by {space}; agents set numbers (Box), so wrap it")
    if not (np.isfinite(space.low).all() and np.isfinite(space.high).all()):
        raise SettingsError(f"{where} has actions without bounds ({space}); agents need bounds, so wrap it")
    return Box(space.low.reshape(-1).astype(np.float32), space.high.reshape(-1).astype(np.float32), dtype=np.float32)
