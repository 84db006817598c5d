"""Checks of environments: what decides an episode, and what agents get in every step."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import numpy as np

from redheart_core.agents.world import World
from redheart_core.contract.agents import EnvironmentSpec
from redheart_core.contract.errors import MissingResourceError
from redheart_core.storage.settings import read_table
from redheart_core.testing.plugin import NotApplicable, Plugin, require

SEED, OTHER = 20260, 20261
"""Of two episodes."""
MOST_STEPS = 50
"""Of an episode that is played; further ones show nothing new of most environments, and take time."""

Moment = dict[str, tuple[object, ...]]
"""What each agent got in a step: its observation as bytes, reward, whether its future ends, whether it is cut off."""


@attrs.frozen(eq=False)
class EnvironmentSubject:
    """An environment with its settings."""

    plugin: Plugin
    spec: EnvironmentSpec
    settings: Any

    def make(self) -> Any:
        """A new one.

        Raises:
            NotApplicable: A library that it needs is not installed.
        """
        try:
            return self.spec.make(self.settings)
        except MissingResourceError as missing:
            raise NotApplicable(str(missing)) from missing


def environment_subject(
    plugin: Plugin, spec: EnvironmentSpec, settings: Mapping[str, Any] | None = None
) -> EnvironmentSubject:
    """An environment with settings, or its defaults."""
    return EnvironmentSubject(plugin, spec, read_table(spec.settings, settings or {}, f"[plugins.{plugin.name}]"))


def check_spaces(subject: EnvironmentSubject) -> None:
    """Agents observe vectors within their spaces and act by bounded numbers, and all are there at the start."""
    environment = subject.make()
    world = World.of(subject.plugin.name, lambda: environment)
    observations, _ = environment.reset(seed=SEED)
    require(
        subject.plugin,
        list(environment.agents) == list(environment.possible_agents),
        f"after reset, agents has to be possible_agents; got {environment.agents} of {environment.possible_agents}",
    )
    require(
        subject.plugin,
        set(observations) == set(world.agents),
        f"reset has to give an observation to each of {', '.join(world.agents)}; it gave {sorted(observations)}",
    )
    for agent in world.agents:
        _require_inside(subject, environment, agent, observations[agent], "reset")


def check_every_step_is_whole(subject: EnvironmentSubject) -> None:
    """Who acts gets a finite reward, an observation within its space unless its future has ended, and both flags."""
    environment = subject.make()
    environment.reset(seed=SEED)
    chosen = np.random.default_rng(SEED)
    for step in range(1, MOST_STEPS + 1):
        acting = list(environment.agents)
        if not acting:
            return
        observations, rewards, ended, cut, _ = environment.step(_actions(environment, chosen))
        for what, found in (("reward", rewards), ("termination", ended), ("truncation", cut)):
            missing = [agent for agent in acting if agent not in found]
            require(subject.plugin, not missing, f"step {step} gives {', '.join(missing)} no {what}")
        for agent in acting:
            value = float(rewards[agent])
            require(subject.plugin, bool(np.isfinite(value)), f"step {step} gives {agent} the reward {value}")
            if agent in observations:
                _require_inside(subject, environment, agent, observations[agent], f"step {step}")
            else:
                require(
                    subject.plugin,
                    bool(ended[agent]),
                    f"step {step}: {agent} goes on or is cut off, and observes nothing; give what it would act on next",
                )


def check_seed_decides_the_episode(subject: EnvironmentSubject) -> None:
    """The same seed and actions give the same episode bit for bit: in a new one, and after another episode.

    Training goes on from the end of an epoch without any state of the environment, so that nothing may pass from one
    episode to the next.
    """
    used = subject.make()
    first = list(_episode(used, SEED))
    for _ in _episode(used, OTHER):
        pass
    for what, again in (
        ("after another episode", list(_episode(used, SEED))),
        ("in a new one", list(_episode(subject.make(), SEED))),
    ):
        require(
            subject.plugin,
            first == again,
            f"an episode {what} differs in step {_differing(first, again)} from the first one with the same seed and "
            "actions; reset(seed) has to decide all that is random, and leave nothing of the episode before",
        )


def check_side_by_side(subject: EnvironmentSubject) -> None:
    """Two that are played step by step in turn give what each gives alone."""
    alone = [list(_episode(subject.make(), seed)) for seed in (SEED, OTHER)]
    pair = itertools.zip_longest(*(_episode(subject.make(), seed) for seed in (SEED, OTHER)))
    together = [[one for one in moments if one is not None] for moments in zip(*pair, strict=True)]
    for seed, one, other in zip((SEED, OTHER), alone, together, strict=True):
        require(
            subject.plugin,
            one == other,
            f"beside another one, the episode of seed {seed} differs in step {_differing(one, other)}; each has to "
            "hold its state and its random numbers itself",
        )


def _episode(environment: Any, seed: int) -> Iterator[Moment]:
    """The start and every step of an episode whose actions its seed decides."""
    observations, _ = environment.reset(seed=seed)
    yield {agent: (_bytes(seen),) for agent, seen in observations.items()}
    chosen = np.random.default_rng(seed)
    for _ in range(MOST_STEPS):
        acting = list(environment.agents)
        if not acting:
            return
        observations, rewards, ended, cut, _ = environment.step(_actions(environment, chosen))
        yield {
            agent: (
                _bytes(observations[agent]) if agent in observations else None,
                rewards.get(agent),
                bool(ended.get(agent)),
                bool(cut.get(agent)),
            )
            for agent in acting
        }


def _actions(environment: Any, chosen: np.random.Generator) -> dict[str, np.ndarray[Any, Any]]:
    spaces = {agent: environment.action_space(agent) for agent in environment.agents}
    return {agent: chosen.uniform(space.low, space.high).astype(np.float32) for agent, space in spaces.items()}


def _bytes(observation: Any) -> bytes:
    return np.ascontiguousarray(observation, np.float32).tobytes()


def _differing(one: list[Moment], other: list[Moment]) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((step for step, (a, b) in pairs if a != b), min(len(one), len(other)))


def _require_inside(subject: EnvironmentSubject, environment: Any, agent: str, seen: Any, where: str) -> None:
    space, found = environment.observation_space(agent), np.asarray(seen)
    require(
        subject.plugin,
        found.shape == space.shape and bool(np.isfinite(found).all()) and space.contains(seen),
        f"{where}: {agent} observes {np.array2string(found, threshold=8)} (shape {found.shape}, {found.dtype}), which "
        f"is not within its space {space}",
    )
