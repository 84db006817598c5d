"""Frozen value types of reinforcement learning: environments, and how agents learn in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from redheart_core.contract.builders import name_builders, to_function

if TYPE_CHECKING:
    from pettingzoo import ParallelEnv
    from torch import Generator, Tensor, nn


@attrs.frozen
class Scene:
    """A moment of an environment, for a replay."""

    places: Mapping[str, tuple[float, float]]
    """By name: all agents, and what else is in the world."""
    axes: tuple[str, str] = ("x", "y")
    """What a place's numbers are."""
    said: str = ""
    """What has happened in the last step, in a sentence."""


@attrs.frozen
class EnvironmentSpec:
    """A source of experience: agents that act at the same time in one world."""

    name: str
    meaning: str
    """One sentence: what the agents do, and for what they are rewarded."""
    settings: type[Any]
    """attrs class of the [plugins.<name>] table."""
    make: Callable[[Any], ParallelEnv[Any, Any, Any]] = attrs.field(converter=to_function)
    """Settings to a new PettingZoo ParallelEnv. Observations are vectors and actions bounded Boxes; reset(seed) decides
    all that is random in an episode. Raises MissingResourceError if a library that it needs is not installed."""
    scene: Callable[[Any], Scene | None] = attrs.field(default=lambda environment: None, converter=to_function)
    """What the environment that make has made looks like now; None, as without, if no episode of it can be replayed."""
    minimum_core: str = "0.1"

    def __attrs_post_init__(self) -> None:
        name_builders(self)


@attrs.frozen
class Seats:
    """Who acts in an environment, as one agent sees it: itself first, then the others in the environment's order."""

    settings: Any
    """Of the AgentSpec, with its scale."""
    agents: tuple[str, ...]
    observations: tuple[int, ...]
    """Numbers that each agent observes, with what it hears of others."""
    actions: tuple[int, ...]
    """Numbers that each agent sets, each -1..1; the core maps them to the environment's bounds."""


@attrs.frozen(eq=False)
class Transitions:
    """B steps out of the replay, with one entry per agent in the order of Seats; nothing in it has a gradient."""

    observations: tuple[Tensor, ...]
    """(B, O) each."""
    actions: tuple[Tensor, ...]
    """(B, A) each, as they were done."""
    rewards: Tensor
    """(B,), of the agent itself."""
    terminated: Tensor
    """(B,) float, 1 where the agent's future ends with the step. An episode that is cut off goes on behind the cut."""
    next_observations: tuple[Tensor, ...]
    next_actions: tuple[Tensor, ...]
    """(B, A) each: what the agents' targets would do next."""


class Learner(Protocol):
    """What learns for one agent. Its module holds all of its state, and the core saves and restores it."""

    @property
    def module(self) -> nn.Module:
        """All networks; of those that follow others (targets) no parameter requires a gradient."""

    @property
    def parts(self) -> Mapping[str, float]:
        """Prefixes of parameter names to factors on the learning rate; in every update the parts learn in this order.
        Each parameter that requires a gradient belongs to one part."""

    def act(self, observations: Tensor) -> Tensor:
        """(B, O) to (B, A), each -1..1, without exploration."""

    def next_actions(self, observations: Tensor, stream: Generator) -> Tensor:
        """The same by the targets, for values of next steps; called without gradients."""

    def noise(self, previous: Tensor | None, size: tuple[int, int], progress: float, stream: Generator) -> Tensor:
        """(B, A) to be added to actions of a step of B episodes; previous is that of the step before, None at the
        start. Progress is 0 at the first step of the training and 1 at the last."""

    def loss(self, part: str, batch: Transitions, update: int) -> Tensor | None:
        """A scalar that the part descends in an update, counted from 0; None leaves the part as it is."""

    def after_update(self, update: int) -> None:
        """Follow the learnt networks; called when all parts have learnt."""


@attrs.frozen
class AgentSpec:
    """How agents learn. Each agent of the environment gets a learner and a checkpoint group of its own."""

    name: str
    meaning: str
    settings: type[Any]
    scales: Mapping[str, Mapping[str, Any]]
    """For each of tiny, small, base, full the settings that make up the scale."""
    build: Callable[[Seats], Learner] = attrs.field(converter=to_function)
    """Makes an agent's networks; torch's generator is seeded for the agent when it is called."""
    training: Mapping[str, Any] = attrs.field(factory=dict, kw_only=True)
    """Values of [training] that these agents need, where nobody gives others."""
    minimum_core: str = "0.1"

    def __attrs_post_init__(self) -> None:
        name_builders(self)
