"""What agents do at a step: with their networks, with noise, or at random."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from redheart_core.agents.context import AgentsContext
from redheart_core.agents.episodes import Act, Played, play
from redheart_core.agents.world import World
from redheart_core.contract.agents import Learner
from redheart_core.contract.errors import PluginError
from redheart_core.groups.plugin_calls import naming
from redheart_core.storage.runtime import stream_seed

MOST_SEED = 2**31
"""Seeds of environments are below it."""


def episode_seeds(context: AgentsContext, number: int, *parts: object) -> list[int]:
    """Seeds of episodes of a purpose; those of another purpose are others."""
    return [stream_seed(context.training.seed, *parts, episode) % MOST_SEED for episode in range(number)]


def chosen_actions(context: AgentsContext, learners: Sequence[Learner], seen: tuple[Tensor, ...]) -> list[Tensor]:
    """(B, A) of each agent, without noise.

    Raises:
        PluginError: Actions have another shape, or are not finite.
    """
    found = []
    for learner, observations, size in zip(learners, seen, context.world.actions, strict=True):
        with naming(context.spec.name, "act"), torch.no_grad():
            action = learner.act(observations.to(context.device)).cpu()
        if action.shape != (len(observations), size) or not bool(torch.isfinite(action).all()):
            raise PluginError(
                f"plugin '{context.spec.name}': act has to give finite numbers of shape ({len(observations)}, {size}), "
                f"got {tuple(action.shape)}"
            )
        found.append(action)
    return found


def exploring(
    context: AgentsContext, learners: Sequence[Learner], episodes: int, progress: float, *parts: object
) -> Act:
    """Acting with noise; parts name the block of episodes, which decide the noise of each agent."""
    groups, sizes = context.world.groups, context.world.actions
    streams = [context.stream("noise", group, *parts) for group in groups]
    states = [torch.zeros(episodes, size) for size in sizes]
    begun = False

    def act(seen: tuple[Tensor, ...], numbers: Tensor) -> tuple[Tensor, ...]:
        nonlocal begun
        actions = chosen_actions(context, learners, seen)
        for agent, learner in enumerate(learners):
            previous = states[agent][numbers] if begun else None
            with naming(context.spec.name, "noise"):
                noise = learner.noise(previous, (len(numbers), sizes[agent]), progress, streams[agent])
            states[agent][numbers] = noise
            actions[agent] = (actions[agent] + noise).clamp(-1, 1)
        begun = True
        return tuple(actions)

    return act


def at_random(world: World, streams: Sequence[torch.Generator]) -> Act:
    """Uniform actions, each agent's from its own stream."""

    def act(seen: tuple[Tensor, ...], numbers: Tensor) -> tuple[Tensor, ...]:
        return tuple(
            torch.rand(len(numbers), size, generator=stream) * 2 - 1
            for size, stream in zip(world.actions, streams, strict=True)
        )

    return act


def play_team(
    context: AgentsContext, learners: Sequence[Learner], seeds: Sequence[int], listening: Tensor | None
) -> Played:
    """Episodes without noise."""
    for learner in learners:
        learner.module.eval()
    return play(
        context.world,
        seeds,
        lambda seen, _: tuple(chosen_actions(context, learners, seen)),
        context.agents.steps,
        listening,
    )


def play_at_random(context: AgentsContext, seeds: Sequence[int]) -> Played:
    """Episodes of agents that act uniformly at random, as a yardstick."""
    streams = [context.stream("random", group) for group in context.world.groups]
    return play(context.world, seeds, at_random(context.world, streams), context.agents.steps)
