"""An episode of agents as a replay shows it: who was where in every step, what came of it, and what was said."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from redheart_core.contract.agents import EnvironmentSpec, Scene
from redheart_core.contract.errors import DataError
from redheart_core.storage.sealed import SealedFile


@attrs.frozen
class Frame:
    """One moment."""

    places: tuple[tuple[float, float], ...]
    """Of each of Episode.points."""
    rewards: tuple[float, ...]
    """Of each agent, for the step that led here; 0 at the start."""
    said: str


@attrs.frozen
class Episode:
    """The record of an episode."""

    environment: str
    seed: int
    axes: tuple[str, str]
    points: tuple[str, ...]
    """Names: first the agents, then what else is in the world."""
    agents: int
    """How many of the points are agents."""
    frames: tuple[Frame, ...]
    """The start and every step."""

    def __attrs_post_init__(self) -> None:
        if not 1 <= self.agents <= len(self.points) or len(set(self.points)) != len(self.points) or not self.frames:
            raise ValueError("an episode needs frames, and points with names of their own of which some are agents")
        for number, frame in enumerate(self.frames):
            if len(frame.places) != len(self.points) or len(frame.rewards) != self.agents:
                raise ValueError(f"frame {number} needs {len(self.points)} places and {self.agents} rewards")
            if not all(
                math.isfinite(value) for value in (*frame.rewards, *(x for place in frame.places for x in place))
            ):
                raise ValueError(f"frame {number} holds a number that is not finite")

    def returns(self, frame: int) -> list[float]:
        """Sum of every agent's rewards until a frame."""
        rows = [one.rewards for one in self.frames[: frame + 1]]
        return [math.fsum(column) for column in zip(*rows, strict=True)]


class Recorder:
    """Keeps what a replay shows, moment by moment."""

    def __init__(self, spec: EnvironmentSpec, agents: Sequence[str], seed: int) -> None:
        self._name, self._scene, self._agents, self._seed = spec.name, spec.scene, tuple(agents), seed
        self._moments: list[tuple[Scene, Mapping[str, float]]] = []

    def keep(self, environment: Any, rewards: Mapping[str, float]) -> None:
        """Keep how the environment is now, and what the step that led here brought; nothing at the start.

        Raises:
            DataError: The environment has no scene.
        """
        scene = self._scene(environment)
        if scene is None:
            raise DataError(
                f"the environment '{self._name}' has no scene (EnvironmentSpec.scene), so nothing can be replayed"
            )
        self._moments.append((scene, dict(rewards)))

    def episode(self) -> Episode:
        """All that was kept.

        Raises:
            DataError: The things in the scene changed.
        """
        first, _ = self._moments[0]
        points = (*self._agents, *(name for name in first.places if name not in self._agents))
        if any(set(scene.places) != set(points) for scene, _ in self._moments):
            raise DataError(
                f"the scene of '{self._name}' does not show the same {len(points)} things in every step, the agents "
                "among them"
            )
        return Episode(
            environment=self._name,
            seed=self._seed,
            axes=first.axes,
            points=points,
            agents=len(self._agents),
            frames=tuple(
                Frame(
                    tuple(scene.places[name] for name in points),
                    tuple(float(rewards.get(agent, 0.0)) for agent in self._agents),
                    scene.said,
                )
                for scene, rewards in self._moments
            ),
        )


def record_episode(
    spec: EnvironmentSpec,
    environment: Any,
    act: Callable[[Mapping[str, Any]], Mapping[str, Any]],
    seed: int,
    steps: int,
) -> Episode:
    """Play one episode, or its first steps, and keep what a replay shows.

    Args:
        spec: Says what a moment of the environment looks like.
        environment: That spec.make has made.
        act: Observations to actions, of all agents.
        seed: Of the episode.
        steps: At most.

    Raises:
        DataError: The environment has no scene, or its things change within the episode.
    """
    recorder = Recorder(spec, environment.possible_agents, seed)
    observations, _ = environment.reset(seed=seed)
    recorder.keep(environment, {})
    while environment.agents and steps > 0:
        observations, rewards, *_ = environment.step(act(observations))
        recorder.keep(environment, rewards)
        steps -= 1
    return recorder.episode()


EPISODE = SealedFile(Episode, "episode", 1, "record it again")
"""episode.json of a run."""
