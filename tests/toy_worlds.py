"""Environments whose best agents are known, in the form of PettingZoo's parallel API."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from gymnasium.spaces import Box

from redheart_core import AgentSpec, Learner
from redheart_core.agents.context import AgentsContext
from redheart_core.agents.describing import Source, describe_agents
from redheart_core.agents.world import World
from redheart_core.config.agents import AgentsSettings
from redheart_core.config.tables import TrainSettings
from redheart_core.runs.description import RunDescription


@attrs.frozen
class ToySettings:
    """Settings of a toy world."""

    agents: int = 2
    steps: int = 4


class Meeting:
    """Agents on a line, who are rewarded for being near the middle of all; each step moves one by its action."""

    metadata: dict[str, Any] = {"name": "meeting"}  # noqa: RUF012 - as PettingZoo has it

    def __init__(self, settings: ToySettings) -> None:
        self.settings = settings
        self.possible_agents = [f"agent_{number}" for number in range(settings.agents)]
        self.agents: list[str] = []

    def observation_space(self, agent: str) -> Box:
        return Box(-np.inf, np.inf, (2,), np.float32)

    def action_space(self, agent: str) -> Box:
        return Box(-0.5, 0.5, (1,), np.float32)

    def reset(self, seed: int | None = None, options: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
        draw = np.random.default_rng(seed)
        self.agents, self.step_number = list(self.possible_agents), 0
        self.places = {agent: float(draw.uniform(-1, 1)) for agent in self.agents}
        return self.observations(), {agent: {} for agent in self.agents}

    def observations(self) -> dict[str, Any]:
        middle = float(np.mean(list(self.places.values())))
        return {agent: np.array([self.places[agent], middle], np.float32) for agent in self.agents}

    def step(self, actions: dict[str, Any]) -> tuple[dict[str, Any], ...]:
        self.step_number += 1
        for agent in self.agents:
            self.places[agent] += float(actions[agent][0])
        middle = float(np.mean(list(self.places.values())))
        rewards = {agent: -abs(self.places[agent] - middle) for agent in self.agents}
        cut = self.step_number >= self.settings.steps
        seen = self.observations()
        flags = (dict.fromkeys(self.agents, False), dict.fromkeys(self.agents, cut))
        if cut:
            self.agents = []
        return seen, rewards, *flags, {agent: {} for agent in seen}


class Bandit(Meeting):
    """One agent, one step: the reward is 1 - (a - 0.3)^2 of the scaled action a, so that 0.3 is best."""

    def __init__(self, settings: ToySettings) -> None:
        super().__init__(attrs.evolve(settings, agents=1, steps=1))

    def observation_space(self, agent: str) -> Box:
        return Box(-1, 1, (1,), np.float32)

    def action_space(self, agent: str) -> Box:
        return Box(-1, 1, (1,), np.float32)

    def observations(self) -> dict[str, Any]:
        return {agent: np.ones(1, np.float32) for agent in self.agents}

    def step(self, actions: dict[str, Any]) -> tuple[dict[str, Any], ...]:
        seen, done = self.observations(), dict.fromkeys(self.agents, True)
        rewards = {agent: 1 - (float(actions[agent][0]) - 0.3) ** 2 for agent in self.agents}
        self.agents = []
        return seen, rewards, done, dict.fromkeys(seen, False), {agent: {} for agent in seen}


class Regulator(Meeting):
    """One agent that keeps a line straight: x' = 0.9 x + 0.5 a, with the cost x^2 + 0.1 a^2, from x in -1..1."""

    decay, gain, price = 0.9, 0.5, 0.1

    def __init__(self, settings: ToySettings) -> None:
        super().__init__(attrs.evolve(settings, agents=1))

    def observation_space(self, agent: str) -> Box:
        return Box(-np.inf, np.inf, (1,), np.float32)

    def action_space(self, agent: str) -> Box:
        return Box(-2, 2, (1,), np.float32)

    def observations(self) -> dict[str, Any]:
        return {agent: np.array([self.places[agent]], np.float32) for agent in self.agents}

    def step(self, actions: dict[str, Any]) -> tuple[dict[str, Any], ...]:
        [agent] = self.agents
        x, a = self.places[agent], float(actions[agent][0])
        self.step_number += 1
        self.places[agent] = self.decay * x + self.gain * a
        seen, cut = self.observations(), self.step_number >= self.settings.steps
        if cut:
            self.agents = []
        return seen, {agent: -(x**2) - self.price * a**2}, {agent: False}, {agent: cut}, {agent: {}}


PLAYING = AgentsSettings(episodes=6, together=4, updates=2, begin=12, replay=40, evaluation_episodes=3)
"""So small that the ring of the replay is full in the third epoch."""


def context(
    spec: AgentSpec, world: type[Meeting] = Meeting, toy: ToySettings = ToySettings(),
    training: TrainSettings | None = None, playing: AgentsSettings = PLAYING, **own: Any,
) -> AgentsContext:  # fmt: skip
    """A training in a toy world."""
    training = training or TrainSettings(scale="tiny", epochs=4, batch_size=8, warmup_updates=0)
    settings = spec.settings(**{**spec.scales["tiny"], **own})
    return AgentsContext.prepare(World.of("toy", lambda: world(toy)), spec, settings, training, playing)


def described(of: AgentsContext) -> RunDescription:
    """What run.json says of it."""
    return describe_agents(of, Source("toy", "1"), ToySettings(), Source("toy", "1"))


def learners(of: AgentsContext) -> list[Learner]:
    """New ones."""
    return [one.learner for one in of.trainers()]
