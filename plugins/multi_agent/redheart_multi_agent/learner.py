"""An agent that learns a deterministic policy.

DDPG: Lillicrap et al. 2016, "Continuous control with deep reinforcement learning". MADDPG: Lowe et al. 2017,
"Multi-agent actor-critic for mixed cooperative-competitive environments". TD3: Fujimoto et al. 2018, "Addressing
function approximation error in actor-critic methods".
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from redheart_core import Seats, Transitions
from redheart_multi_agent.networks import Networks
from redheart_multi_agent.noise import gaussian, ornstein_uhlenbeck
from redheart_multi_agent.settings import MultiAgentSettings

CUT = 2.5
"""Smoothing noise is cut off at so many of its standard deviations: 0.5 at 0.2 in TD3."""


class ActorCritic:
    """One agent's learner."""

    def __init__(self, seats: Seats) -> None:
        settings: MultiAgentSettings = seats.settings
        self.settings = settings
        self.judged = len(seats.agents) if settings.central else 1
        """The agents, itself first, whose observations and actions its critics see."""
        judged = sum(seats.observations[: self.judged]) + sum(seats.actions[: self.judged])
        critics = 2 if settings.twin else 1
        self.networks = Networks(
            seats.observations[0], seats.actions[0], judged, settings.width, settings.depth, critics, settings.norm
        )

    @property
    def module(self) -> nn.Module:
        """All networks."""
        return self.networks

    @property
    def parts(self) -> Mapping[str, float]:
        """Critics learn first, then the actor from them."""
        return {"critics": 1.0, "actor": self.settings.actor_rate}

    def act(self, observations: Tensor) -> Tensor:
        """(B, O) to (B, A), each -1..1."""
        return torch.tanh(self.networks.actor(observations))

    def next_actions(self, observations: Tensor, stream: Generator) -> Tensor:
        """The target actor's, with TD3's smoothing."""
        actions = torch.tanh(self.networks.target_actor(observations))
        scale = self.settings.smoothing
        if scale == 0.0:
            return actions
        noise = gaussian((len(actions), actions.shape[1]), scale, stream).clamp(-CUT * scale, CUT * scale)
        return (actions + noise.to(actions.device)).clamp(-1, 1)

    def noise(self, previous: Tensor | None, size: tuple[int, int], progress: float, stream: Generator) -> Tensor:
        """(B, A) of exploration; it gets less as the training goes on."""
        own = self.settings
        scale = own.noise_scale + (own.noise_end - own.noise_scale) * progress
        if own.noise == "gaussian":
            return gaussian(size, scale, stream)
        return ornstein_uhlenbeck(previous, size, scale, own.noise_memory, stream)

    def loss(self, part: str, batch: Transitions, update: int) -> Tensor | None:
        """Squared error to Bellman's target for the critics; minus the first critic's value for the actor."""
        if part == "critics":
            return self.critic_loss(batch)
        return self.actor_loss(batch) if (update + 1) % self.settings.delay == 0 else None

    def targets(self, batch: Transitions) -> Tensor:
        """(B,): r + discount (1 - terminated) min over the critics' targets at the next step."""
        n = self.judged
        with torch.no_grad():
            after = self.networks.values((*batch.next_observations[:n], *batch.next_actions[:n]), target=True)
            return batch.rewards + self.settings.discount * (1 - batch.terminated) * after.min(0).values

    def critic_loss(self, batch: Transitions) -> Tensor:
        """Mean squared error of every critic, summed over them."""
        n, targets = self.judged, self.targets(batch)
        values = self.networks.values((*batch.observations[:n], *batch.actions[:n]))
        return functional.mse_loss(values, targets.expand_as(values), reduction="none").mean(1).sum()

    def actor_loss(self, batch: Transitions) -> Tensor:
        """Others' actions are those of the replay; the own ones are what the actor does now."""
        n = self.judged
        raw: Tensor = self.networks.actor(batch.observations[0])
        actions = (torch.tanh(raw), *batch.actions[1:n])
        value = self.networks.first_value((*batch.observations[:n], *actions))
        return -value.mean() + self.settings.action_cost * raw.square().mean()

    def after_update(self, update: int) -> None:
        """The targets follow whenever the actor has learnt."""
        if (update + 1) % self.settings.delay == 0:
            self.networks.follow(self.settings.tau)


def build(seats: Seats) -> ActorCritic:
    """An agent's learner, with networks of the scale."""
    return ActorCritic(seats)
