"""From the replay to batches, and one round of updates: no gradient crosses from one agent to another."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from redheart_core.agents.context import AgentsContext
from redheart_core.agents.replay import Replay
from redheart_core.agents.trainer import AgentTrainer
from redheart_core.contract.agents import Learner, Transitions
from redheart_core.groups.plugin_calls import naming
from redheart_core.training.group_trainer import GroupFault


def update_all(context: AgentsContext, trainers: Sequence[AgentTrainer], replay: Replay, number: int) -> None:
    """One update of each agent, from batches that were made before any of them learnt, so that their order is nothing.

    Args:
        context: Of the training.
        trainers: Of all agents.
        replay: What they have lived through.
        number: Of the update, counted from 0 over the training.

    Raises:
        GroupFault: As AgentTrainer.update, or as batch_of.
    """
    learners = [trainer.learner for trainer in trainers]
    batches = [
        batch_of(context, learners, replay, agent, context.stream("batch", trainer.group, number))
        for agent, trainer in enumerate(trainers)
    ]
    for trainer, batch in zip(trainers, batches, strict=True):
        if not trainer.learner.module.training:
            trainer.learner.module.train()
        trainer.update(batch, number)


def batch_of(
    context: AgentsContext, learners: Sequence[Learner], replay: Replay, agent: int, stream: Generator
) -> Transitions:
    """A batch for an agent, out of its own experience, or out of everyone's as if it had been in their place.

    Raises:
        GroupFault: None of those whose experience it learns from has acted in the steps that are remembered.
    """
    size, count = context.training.batch_size, len(learners)
    seats = torch.randint(count, (size,), generator=stream) if context.agents.shared else torch.full((size,), agent)
    parts = []
    for seat in range(count):
        wanted = int((seats == seat).sum())
        places = replay.draw(seat, wanted, stream) if wanted else torch.zeros(0)
        if len(places):
            parts.append(_seen_from(context, learners, replay, agent, seat, places, stream))
    if not parts:
        raise GroupFault(
            f"{context.world.agents[agent]} did not act in any of the {replay.size} steps that are remembered, so it "
            "has nothing to learn from; raise begin and replay under [agents]"
        )
    if len(parts) == 1:
        return parts[0]
    return Transitions(
        observations=_stacked([part.observations for part in parts]),
        actions=_stacked([part.actions for part in parts]),
        rewards=torch.cat([part.rewards for part in parts]),
        terminated=torch.cat([part.terminated for part in parts]),
        next_observations=_stacked([part.next_observations for part in parts]),
        next_actions=_stacked([part.next_actions for part in parts]),
    )


def _seen_from(
    context: AgentsContext,
    learners: Sequence[Learner],
    replay: Replay,
    agent: int,
    seat: int,
    places: Tensor,
    stream: Generator,
) -> Transitions:
    """Steps as an agent would have lived through them in a seat, where it acts in place of the one who sat there."""
    columns, order, device = replay.columns, context.order(seat), context.device
    after = tuple(columns[f"next_observations/{other}"][places].to(device) for other in order)
    answering = [learners[agent], *(learners[other] for other in order[1:])]
    with naming(context.spec.name, "next_actions"), torch.no_grad():
        next_actions = tuple(one.next_actions(seen, stream) for one, seen in zip(answering, after, strict=True))
    return Transitions(
        observations=tuple(columns[f"observations/{other}"][places].to(device) for other in order),
        actions=tuple(columns[f"actions/{other}"][places].to(device) for other in order),
        rewards=columns["rewards"][places, seat].to(device),
        terminated=columns["terminated"][places, seat].to(device),
        next_observations=after,
        next_actions=next_actions,
    )


def _stacked(parts: Sequence[tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
    return tuple(torch.cat(list(together)) for together in zip(*parts, strict=True))


def listening_weights(returns: Tensor, temperature: float) -> Tensor:
    """How much each agent hears of each other, by how well these did: a softmax over the others.

    Args:
        returns: (N,) mean return of each agent.
        temperature: Above 0; large ones make all weights equal.

    Returns:
        (N, N) float32; each row sums to 1, the diagonal is 0.
    """
    spread = returns.std(correction=0)
    scores = (returns - returns.mean()) / (spread.clamp(min=1e-8) * temperature)
    table = scores.expand(len(returns), -1).masked_fill(torch.eye(len(returns), dtype=torch.bool), float("-inf"))
    return table.softmax(1).float()
