"""The [plugins.pettingzoo] table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import attrs

from redheart_core import SettingsError

Number = bool | int | float | str


@attrs.frozen
class PettingZooSettings:
    """Which environment, and what to do about what agents cannot learn from as it comes."""

    module: str = "mpe2.simple_spread_v3"
    """Name of an importable module with a function `parallel_env`."""
    arguments: Mapping[str, Number] = attrs.Factory(lambda: {"continuous_actions": True})
    """What `parallel_env` is called with, by name."""
    discrete: Literal["refuse", "scores"] = "refuse"
    """Of actions that are one out of n: an error, or n numbers of 0..1 of which the largest says which."""
    ended: Literal["leave", "refuse"] = "leave"
    """Of agents that end before the others: they leave, or it is an error."""
    failures: str = ""
    """A file for the seed and the actions of an episode in which the environment fails, to play it again."""

    def __attrs_post_init__(self) -> None:
        if not all(part.isidentifier() for part in self.module.split(".")):
            raise SettingsError(
                f"pettingzoo: module expects the name of a Python module such as mpe2.simple_spread_v3, "
                f"got '{self.module}'"
            )
