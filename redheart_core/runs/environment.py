"""What a run of agents depends on beside its groups: the environment, and how the agents live in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from redheart_core.config.agents import AgentsSettings
from redheart_core.storage.settings import setting_differences
from redheart_core.storage.structuring import NOT_STORED


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
    defaults: Mapping[str, object] = attrs.field(factory=dict, eq=False, metadata=NOT_STORED)
    """Of its settings, where it describes an environment that is active now."""

    def as_stored(self) -> dict[str, Any]:
        """As a table, without what stays out of files."""
        return attrs.asdict(self, filter=attrs.filters.exclude("defaults"))

    def differences(self, now: EnvironmentDescription | None) -> list[str]:
        """What the description of the environment that is active now says otherwise, for messages."""
        if now is None:
            return [f"environment: was {self.name}, is none"]
        mine, theirs = self.as_stored(), now.as_stored()
        changed = [key for key in mine if key != "settings" and mine[key] != theirs[key]]
        found = [f"{key} was {mine[key]!r:.120}, is {theirs[key]!r:.120}" for key in changed]
        found += setting_differences(self.settings, now.settings, now.defaults)
        return [f"environment: {one}" for one in found]
