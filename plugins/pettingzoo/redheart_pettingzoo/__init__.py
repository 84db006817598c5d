"""The environment `pettingzoo`: any module with a parallel environment of PettingZoo, with its answers checked."""

from __future__ import annotations

from redheart_core import EnvironmentSpec, hookimpl
from redheart_pettingzoo.settings import PettingZooSettings

__all__ = ["redheart_provide_environments"]


@hookimpl
def redheart_provide_environments() -> list[EnvironmentSpec]:
    """One environment, named like the plugin; its settings say which module."""
    return [
        EnvironmentSpec(
            name="pettingzoo",
            meaning="An environment of PettingZoo by the name of its module, such as mpe2.simple_spread_v3.",
            settings=PettingZooSettings,
            make="redheart_pettingzoo.opening:make",
            scene="redheart_pettingzoo.checked:scene",
        )
    ]
