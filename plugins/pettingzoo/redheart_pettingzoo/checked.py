"""A parallel environment whose every answer is checked, and whose failures say how to see them again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.spaces import Box
from numpy.typing import NDArray
from pettingzoo import ParallelEnv

from redheart_core import DataError, Scene
from redheart_core.storage.files import write_bytes
from redheart_pettingzoo.settings import PettingZooSettings
from redheart_pettingzoo.spaces import Spaces
from redheart_pettingzoo.turns import step_of

PerAgent = dict[str, Any]


def scene(environment: CheckedEnvironment) -> Scene | None:
    """A moment of an environment, for a replay."""
    return environment.scene


class CheckedEnvironment(ParallelEnv):  # type: ignore[misc]
    """Vectors in, vectors out; errors name the agent, the step and the seed."""

    def __init__(self, environment: Any, spaces: Mapping[str, Spaces], settings: PettingZooSettings) -> None:
        self._environment = environment
        self._step = step_of(environment)
        self._spaces = spaces
        self._settings = settings
        self.metadata = environment.metadata
        self.render_mode = None
        self.possible_agents: list[str] = list(environment.possible_agents)
        self.agents: list[str] = []
        self._seed: int | None = None
        self._actions: list[dict[str, list[float]]] = []
        self._last: PerAgent = {}

    def observation_space(self, agent: str) -> Box:
        """One axis of numbers."""
        return self._spaces[agent].observation

    def action_space(self, agent: str) -> Box:
        """One axis of bounded numbers."""
        return self._spaces[agent].action

    @property
    def unwrapped(self) -> Any:
        """PettingZoo's own environment."""
        return self._environment.unwrapped

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[PerAgent, PerAgent]:
        """Begin an episode.

        Raises:
            DataError: The environment fails, or what it says is not what its spaces promise.
        """
        self._seed, self._actions = seed, []
        observations, infos = self._call(lambda: self._environment.reset(seed=seed, options=options))
        self.agents = list(self.possible_agents)
        if missing := [agent for agent in self.possible_agents if agent not in self._environment.agents]:
            raise self._failure(f"begins without {', '.join(missing)}; agents have to be there from the first step on")
        self._last = {agent: self._seen(agent, observations) for agent in self.agents}
        return dict(self._last), {agent: infos.get(agent, {}) for agent in self.agents}

    def step(self, actions: Mapping[str, Any]) -> tuple[PerAgent, PerAgent, PerAgent, PerAgent, PerAgent]:
        """Everybody acts.

        Raises:
            DataError: An action is not of its space; the environment fails; a reward or an observation is not finite;
                an agent ends before the others and the settings refuse that.
        """
        if not self.agents:
            raise DataError(f"no episode of {self._settings.module} is going on; call reset(seed) first")
        done = {agent: self._done(agent, actions) for agent in self.agents}
        self._actions.append({agent: np.asarray(actions[agent], float).tolist() for agent in self.agents})
        seen, rewards, ended, cut, infos = self._call(lambda: self._step(done))
        now = self.agents
        for agent in now:
            self._last[agent] = self._seen(agent, seen)
        answer = (
            {agent: self._last[agent] for agent in now},
            {agent: self._reward(agent, rewards) for agent in now},
            {agent: self._over(agent, ended) for agent in now},
            {agent: self._over(agent, cut) for agent in now},
            {agent: infos.get(agent, {}) for agent in now},
        )
        self.agents = [agent for agent in now if not (answer[2][agent] or answer[3][agent])]
        if self.agents and len(self.agents) < len(now) and self._settings.ended == "refuse":
            gone = [agent for agent in now if agent not in self.agents]
            raise self._failure(
                f"ends for {', '.join(gone)} and goes on for {', '.join(self.agents)}; "
                'ended = "leave" under [plugins.pettingzoo] lets agents leave'
            )
        return answer

    def state(self) -> NDArray[np.float32]:
        """What everybody sees, or saw last, one after the other."""
        return np.concatenate([self._last[agent] for agent in self.possible_agents])

    def close(self) -> None:
        """Close the environment."""
        self._environment.close()

    @property
    def scene(self) -> Scene | None:
        """Positions of agents and landmarks in the worlds of mpe2; of other environments none is known."""
        if self._settings.module.partition(".")[0] != "mpe2":
            return None
        entities = self._environment.unwrapped.world.entities
        return Scene({one.name: (float(one.state.p_pos[0]), float(one.state.p_pos[1])) for one in entities})

    def _call(self, function: Callable[[], Any]) -> Any:
        try:
            return function()
        except Exception as error:
            raise self._failure(f"fails with {type(error).__name__}: {error}") from error

    def _seen(self, agent: str, observations: Mapping[str, Any]) -> NDArray[np.float32]:
        if agent not in observations:
            raise self._failure(f"gives {agent} no observation")
        values = np.asarray(observations[agent], np.float32).reshape(-1)
        expected = self._spaces[agent].observation.shape
        if values.shape != expected:
            raise self._failure(f"shows {agent} {values.size} numbers, and its space has {expected[0]}")
        if not np.isfinite(values).all():
            raise self._failure(f"shows {agent} a number that is not finite: {values[~np.isfinite(values)][0]}")
        return values

    def _reward(self, agent: str, rewards: Mapping[str, Any]) -> float:
        if agent not in rewards:
            raise self._failure(f"gives {agent} no reward")
        value = float(rewards[agent])
        if not np.isfinite(value):
            raise self._failure(f"rewards {agent} with {value}, which is not finite")
        return value

    def _over(self, agent: str, flags: Mapping[str, Any]) -> bool:
        if agent not in flags:
            raise self._failure(f"does not say whether {agent} has ended")
        return bool(flags[agent])

    def _done(self, agent: str, actions: Mapping[str, Any]) -> Any:
        """The environment's own action."""
        space = self._spaces[agent]
        values = np.asarray(actions.get(agent, ()), np.float32)
        if not space.action.contains(values):
            raise DataError(
                f"{self._settings.module}: {agent} needs an action of {space.action.shape[0]} numbers within its "
                f"bounds in step {len(self._actions)}, got {actions.get(agent, 'nothing')}; clip what a policy or its "
                "noise gives"
            )
        if isinstance(space.inner_action, Box):
            return values.reshape(space.inner_action.shape).astype(space.inner_action.dtype)
        return int(space.inner_action.start) + int(values.argmax())

    def _failure(self, what: str) -> DataError:
        step = f"step {len(self._actions) - 1}" if self._actions else "reset"
        seed = "no seed" if self._seed is None else f"seed {self._seed}"
        if not self._settings.failures:
            again = 'set failures = "FILE.json" under [plugins.pettingzoo] and run again to keep its actions'
        else:
            path = Path(self._settings.failures)
            kept = {
                "module": self._settings.module,
                "arguments": dict(self._settings.arguments),
                "discrete": self._settings.discrete,
                "ended": self._settings.ended,
                "seed": self._seed,
                "actions": self._actions,
            }
            write_bytes(path, json.dumps(kept).encode())
            again = f"python -m redheart_pettingzoo {path} plays it again"
        return DataError(
            f"the environment {self._settings.module} {what} (in {step} of the episode with {seed}; {again})"
        )
