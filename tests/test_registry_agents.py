"""Environments and ways to learn in them are plugins of kinds of their own."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import attrs
import pytest

from redheart_core import AgentSpec, EnvironmentSpec, PluginError, hookimpl
from redheart_core.contract.nodes import SCALES
from redheart_core.testing.discovery import load_module


@attrs.frozen
class Settings:
    size: int = 3


def make(_: Any) -> Any:
    raise NotImplementedError


def module(scales: dict[str, dict[str, int]], **training: object) -> ModuleType:
    @hookimpl
    def redheart_provide_environments() -> list[EnvironmentSpec]:
        return [EnvironmentSpec("arena", "a world", Settings, make)]

    @hookimpl
    def redheart_provide_agents() -> list[AgentSpec]:
        return [AgentSpec("player", "learns", Settings, scales, make, training=training)]

    found = ModuleType("redheart_arena")
    vars(found).update(
        redheart_provide_environments=redheart_provide_environments, redheart_provide_agents=redheart_provide_agents
    )
    return found


def test_a_module_offers_environments_and_agents() -> None:
    found = load_module(module({key: {"size": 2} for key in SCALES}))
    assert [(one.name, one.kind) for one in found] == [("arena", "environment"), ("player", "agent")]


@pytest.mark.parametrize(
    ("scales", "message"),
    [({"tiny": {}}, "has to have the scales tiny, small, base, full"), ({key: {"sise": 2} for key in SCALES}, "sise")],
)
def test_scales_of_agents_are_checked(scales: dict[str, dict[str, int]], message: str) -> None:
    with pytest.raises(PluginError, match=message):
        load_module(module(scales))


def test_what_agents_need_of_training_is_checked() -> None:
    scales: dict[str, dict[str, int]] = {key: {} for key in SCALES}
    assert load_module(module(scales, learning_rate=0.1))
    with pytest.raises(PluginError, match=r"(?s)player.*its training is no table \[training\].*learning_rat\b"):
        load_module(module(scales, learning_rat=0.1))
