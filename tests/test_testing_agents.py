"""The conformance kit finds what is wrong with a way to learn."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs
import numpy as np
import pytest
import torch
from torch import Generator, Tensor, nn

from redheart_core import PluginError, Seats, Transitions
from redheart_core.contract.errors import AuditError
from redheart_core.discovery.entries import NOT_INSTALLED, Entry
from redheart_core.discovery.offers import Plugin
from redheart_core.testing import agent_checks as checks
from redheart_core.testing.checks import AGENT_CHECKS
from redheart_core.testing.plugin import ConformanceError
from redheart_multi_agent import redheart_provide_agents
from redheart_multi_agent.learner import ActorCritic

[SPEC] = redheart_provide_agents()


def subject(build: Any = ActorCritic, **own: Any) -> checks.AgentSubject:
    spec = attrs.evolve(SPEC, build=build)
    return checks.agent_subject(Plugin("toy", "agent", spec, Entry("toy", "toy", "a test", NOT_INSTALLED)), spec, own)


@pytest.mark.parametrize("own", [{"central": False, "twin": False, "delay": 1}, {"noise": "ornstein_uhlenbeck"}])
def test_sound_ways_to_learn_pass(own: dict[str, Any]) -> None:
    for check in AGENT_CHECKS:
        check(subject(**own))


class Wide(ActorCritic):
    """It acts beyond the bounds."""

    def act(self, observations: Tensor) -> Tensor:
        return super().act(observations) * 2 + 1


class Flat(ActorCritic):
    """Its targets give one number for all."""

    def next_actions(self, observations: Tensor, stream: Generator) -> Tensor:
        return super().next_actions(observations, stream)[:, :1].expand(-1, 7)


class Restless(ActorCritic):
    """It explores in act."""

    def act(self, observations: Tensor) -> Tensor:
        return torch.rand(len(observations), 1) * 0.1 * super().act(observations)


class Silent(ActorCritic):
    """Its noise forgets the actions."""

    def noise(self, previous: Tensor | None, size: tuple[int, int], progress: float, stream: Generator) -> Tensor:
        return torch.zeros(size[0])


class Shared(ActorCritic):
    """All agents have one network in common."""

    common: ClassVar[nn.Linear] = nn.Linear(1, 1)

    def __init__(self, seats: Seats) -> None:
        super().__init__(seats)
        self.networks.add_module("common", self.common)


class Hidden(ActorCritic):
    """It learns a number that is no parameter."""

    def __init__(self, seats: Seats) -> None:
        super().__init__(seats)
        self.scale = torch.ones((), requires_grad=True)

    def critic_loss(self, batch: Transitions) -> Tensor:
        return super().critic_loss(batch) * self.scale


class Idle(ActorCritic):
    """A parameter has no part in the loss."""

    def __init__(self, seats: Seats) -> None:
        super().__init__(seats)
        self.networks.actor.register_parameter("spare", nn.Parameter(torch.zeros(3)))


class Waiting(ActorCritic):
    """Its actor never learns."""

    def loss(self, part: str, batch: Transitions, update: int) -> Tensor | None:
        return super().loss(part, batch, update) if part == "critics" else None


class Unseeded(ActorCritic):
    """Chance that no seed decides."""

    chance = np.random.default_rng(0)

    def critic_loss(self, batch: Transitions) -> Tensor:
        return super().critic_loss(batch) * float(self.chance.uniform(0.5, 1))


class Fixed(ActorCritic):
    """It begins the same whatever the seed."""

    def __init__(self, seats: Seats) -> None:
        torch.manual_seed(0)
        super().__init__(seats)


class Counting(ActorCritic):
    """What it has counted is not saved."""

    counted = 0

    def critic_loss(self, batch: Transitions) -> Tensor:
        self.counted += 1
        return super().critic_loss(batch) / self.counted


class Backwards(ActorCritic):
    """Its actor goes down."""

    def actor_loss(self, batch: Transitions) -> Tensor:
        return -super().actor_loss(batch)


FAULTS = [
    (Wide, checks.check_actions, ConformanceError, r"act gives .*; actions are -1\.\.1"),
    (Flat, checks.check_actions, ConformanceError, r"next_actions has to give .* \(1, 2\), got \(1, 7\)"),
    (Restless, checks.check_actions, ConformanceError, "another action for the same observations"),
    (Silent, checks.check_actions, ConformanceError, r"noise has to give .* got \(16,\)"),
    (Hidden, checks.check_no_gradient_crosses, ConformanceError, "loss of critics has gradients for 1 tensors"),
    (Idle, checks.check_every_parameter_learns, AuditError, "actor.spare"),
    (Waiting, checks.check_every_parameter_learns, ConformanceError, "the loss of actor was None"),
    (Unseeded, checks.check_same_seed_same_bits, ConformanceError, "two trainings differ in .*critics"),
    (Fixed, checks.check_same_seed_same_bits, ConformanceError, "the seed changes no weight"),
    (Counting, checks.check_saving_keeps_everything, ConformanceError, "learns on to other bits"),
    (Backwards, checks.check_learns, ConformanceError, "has to come 50% of the way"),
]


@pytest.mark.parametrize(("build", "check", "error", "says"), FAULTS, ids=[fault[0].__name__ for fault in FAULTS])
def test_what_is_wrong_is_named(build: Any, check: Any, error: type[Exception], says: str) -> None:
    with torch.random.fork_rng(), pytest.raises(error, match=says):
        check(subject(build))


def test_networks_that_agents_have_in_common_are_named() -> None:
    with pytest.raises(PluginError, match="each parameter belongs to one of the parts"):
        checks.check_no_gradient_crosses(subject(Shared))  # no part says that it learns the common one

    class Parted(Shared):
        @property
        def parts(self) -> dict[str, float]:
            return {**super().parts, "common": 1.0}

    with pytest.raises(ConformanceError, match=r"common\.weight of agent_1 is that of agent_0"):
        checks.check_no_gradient_crosses(subject(Parted))
