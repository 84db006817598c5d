"""What a run of agents depends on beside its groups: the environment, and how the agents live in it."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from redheart_core.config.agents import AgentsSettings


@attrs.frozen
class EnvironmentDescription:
    """An environment with its settings, as run.json has it."""

    name: str
    distribution: str
    version: str
    settings: Mapping[str, object]
    """As a table."""
    learner: str
    """The plugin that says how agents learn."""
    agents: tuple[str, ...]
    """In the environment's order."""
    observations: tuple[int, ...]
    """Numbers that each observes."""
    actions: tuple[int, ...]
    """Numbers that each sets."""
    playing: AgentsSettings
    """The table [agents]."""

    def differences(self, other: EnvironmentDescription | None) -> list[str]:
        """What another description says otherwise, for messages."""
        mine, theirs = attrs.asdict(self), {} if other is None else attrs.asdict(other)
        return [
            f"environment: {key} was {mine[key]!r:.120}, is {theirs.get(key)!r:.120}"
            for key in mine
            if mine[key] != theirs.get(key)
        ]
