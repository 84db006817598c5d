"""The conformance kit finds what is wrong with an environment."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
from gymnasium.spaces import Box
from toy_worlds import Bandit, Meeting, Regulator, ToySettings

from redheart_core import EnvironmentSpec, MissingResourceError
from redheart_core.discovery.entries import NOT_INSTALLED, Entry
from redheart_core.discovery.offers import Plugin
from redheart_core.testing.checks import ENVIRONMENT_CHECKS
from redheart_core.testing.environment_checks import (
    EnvironmentSubject,
    check_every_step_is_whole,
    check_seed_decides_the_episode,
    check_side_by_side,
    check_spaces,
)
from redheart_core.testing.plugin import ConformanceError, NotApplicable


def subject(make: Any) -> EnvironmentSubject:
    spec = EnvironmentSpec("toy", "a toy", ToySettings, make)
    return EnvironmentSubject(
        Plugin("toy", "environment", spec, Entry("toy", "toy", "a test", NOT_INSTALLED)), spec, ToySettings()
    )


@pytest.mark.parametrize("world", [Meeting, Bandit, Regulator])
def test_sound_worlds_pass(world: type[Meeting]) -> None:
    for check in ENVIRONMENT_CHECKS:
        check(subject(world))


class Narrow(Meeting):
    """Its places leave the space."""

    def observation_space(self, agent: str) -> Box:
        return Box(-0.01, 0.01, (2,), np.float32)


class Late(Meeting):
    """One agent comes later."""

    def reset(self, seed: int | None = None, options: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
        found = super().reset(seed)
        self.agents = self.agents[1:]
        return found


class Unpaid(Meeting):
    """One agent gets no reward."""

    def step(self, actions: dict[str, Any]) -> tuple[dict[str, Any], ...]:
        seen, rewards, *rest = super().step(actions)
        return (seen, {"agent_0": rewards["agent_0"]}, *rest)


class Unfinite(Meeting):
    """Rewards are NaN."""

    def step(self, actions: dict[str, Any]) -> tuple[dict[str, Any], ...]:
        seen, rewards, *rest = super().step(actions)
        return (seen, dict.fromkeys(rewards, float("nan")), *rest)


class Blind(Meeting):
    """One agent acts on, and observes nothing."""

    def step(self, actions: dict[str, Any]) -> tuple[dict[str, Any], ...]:
        seen, *rest = super().step(actions)
        return ({"agent_0": seen["agent_0"]}, *rest)


class Unseeded(Meeting):
    """Chance that no seed decides."""

    chance = np.random.default_rng(0)

    def step(self, actions: dict[str, Any]) -> tuple[dict[str, Any], ...]:
        for agent in self.agents:
            self.places[agent] += float(self.chance.normal())
        return super().step(actions)


class Leaking(Meeting):
    """Episodes begin where the one before has ended."""

    def reset(self, seed: int | None = None, options: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
        before = getattr(self, "places", {})
        super().reset(seed)
        self.places = {agent: at + before.get(agent, 0.0) for agent, at in self.places.items()}
        return self.observations(), {agent: {} for agent in self.agents}


class Common(Meeting):
    """All copies share their places."""

    shared: ClassVar[dict[str, float]] = {}

    def reset(self, seed: int | None = None, options: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
        found = super().reset(seed)
        self.shared.update(self.places)
        self.places = self.shared
        return found


@pytest.mark.parametrize(
    ("world", "check", "says"),
    [
        (Narrow, check_spaces, "reset: agent_0 observes .* is not within its space"),
        (Late, check_spaces, r"after reset, agents has to be possible_agents; got \['agent_1'\]"),
        (Unpaid, check_every_step_is_whole, "step 1 gives agent_1 no reward"),
        (Unfinite, check_every_step_is_whole, "step 1 gives agent_0 the reward nan"),
        (Blind, check_every_step_is_whole, "step 1: agent_1 goes on or is cut off, and observes nothing"),
        (Unseeded, check_seed_decides_the_episode, "after another episode differs in step 1 "),
        (Leaking, check_seed_decides_the_episode, "after another episode differs in step 0 "),
        (Common, check_side_by_side, "the episode of seed 20260 differs in step 1"),
    ],
)
def test_what_is_wrong_is_named(world: type[Meeting], check: Any, says: str) -> None:
    with pytest.raises(ConformanceError, match=f"plugin 'toy': .*{says}|plugin 'toy': {says}"):
        check(subject(world))


def test_without_its_library_there_is_nothing_to_check() -> None:
    def make(settings: ToySettings) -> Meeting:
        raise MissingResourceError("it needs a library that is not installed")

    with pytest.raises(NotApplicable, match="needs a library"):
        check_spaces(subject(make))
