"""The formulas of DDPG, MADDPG and TD3 against numbers worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from redheart_core import Seats, Transitions
from redheart_core.storage.runtime import generator
from redheart_multi_agent.learner import ActorCritic
from redheart_multi_agent.settings import MultiAgentSettings


def learner(agents: int = 2, **own: Any) -> ActorCritic:
    settings = MultiAgentSettings(width=5, **{"smoothing": 0.0, **own})
    with torch.random.fork_rng():
        torch.manual_seed(3)
        names = tuple(f"agent_{number}" for number in range(agents))
        made = ActorCritic(Seats(settings, names, (3,) * agents, (2,) * agents))
        for parameter in made.networks.parameters():  # answers far from 0, and targets far from what they follow
            parameter.data += 0.5 * torch.randn_like(parameter)
    return made


def batch(agents: int = 2, terminated: Tensor | None = None) -> Transitions:
    stream = generator("batch")
    draw = [[torch.randn(4, size, generator=stream) for _ in range(agents)] for size in (3, 2, 3, 2)]
    return Transitions(
        observations=tuple(draw[0]),
        actions=tuple(draw[1]),
        rewards=torch.tensor([1.0, -2.0, 0.5, 3.0]),
        terminated=torch.zeros(4) if terminated is None else terminated,
        next_observations=tuple(draw[2]),
        next_actions=tuple(draw[3]),
    )


def by_hand(made: ActorCritic, given: Transitions, agents: int) -> Tensor:
    """The critics' loss, record by record, out of Bellman's equation as the papers write it."""
    total = torch.zeros(())
    values = []
    for row in range(4):
        after = torch.cat([*[x[row] for x in given.next_observations[:agents]],
                           *[x[row] for x in given.next_actions[:agents]]])  # fmt: skip
        values.append(min(float(critic(after[None])) for critic in made.networks.target_critics))
    for critic in made.networks.critics:
        for row in range(4):
            now = torch.cat([*[x[row] for x in given.observations[:agents]],
                             *[x[row] for x in given.actions[:agents]]])  # fmt: skip
            target = float(given.rewards[row]) + 0.95 * (1 - float(given.terminated[row])) * values[row]
            total = total + (critic(now[None])[0, 0] - target) ** 2 / 4
    return total


@pytest.mark.parametrize(("central", "agents"), [(True, 2), (False, 1)])
@pytest.mark.parametrize("twin", [True, False])
def test_the_critics_descend_bellmans_error(central: bool, agents: int, twin: bool) -> None:
    made, given = learner(central=central, twin=twin), batch(terminated=torch.tensor([0.0, 1.0, 0.0, 1.0]))
    assert len(made.networks.critics) == 1 + twin
    torch.testing.assert_close(made.loss("critics", given, 0), by_hand(made, given, agents), rtol=1e-5, atol=1e-6)


def test_the_future_counts_after_a_cut_and_not_after_an_end() -> None:
    made = learner()
    ended = made.targets(batch(terminated=torch.ones(4)))
    assert ended.tolist() == batch().rewards.tolist()
    cut = made.targets(batch())
    assert bool((cut != ended).all())
    after = made.networks.values((*batch().next_observations, *batch().next_actions), target=True).min(0).values
    torch.testing.assert_close(cut, ended + 0.95 * after)


@pytest.mark.parametrize("tau", [0.01, 1.0])
def test_targets_follow_in_closed_form(tau: float) -> None:
    """k steps towards fixed networks leave (1 - tau)^k of the first distance."""
    made = learner(tau=tau, delay=1)
    pairs = [(a.detach().clone(), b.detach().clone()) for a, b in made.networks.pairs()]
    for update in range(5):
        with torch.no_grad():
            made.after_update(update)
    for (learnt, target), (_, found) in zip(pairs, made.networks.pairs(), strict=True):
        torch.testing.assert_close(found, learnt + (1 - tau) ** 5 * (target - learnt), rtol=1e-4, atol=1e-6)


def test_the_actor_climbs_the_first_critic_with_the_others_actions_of_the_replay() -> None:
    made, given = learner(action_cost=0.0, delay=1), batch()
    own = made.act(given.observations[0])
    value = made.networks.critics[0](torch.cat([*given.observations, own, given.actions[1]], 1)).mean()
    loss = made.loss("actor", given, 0)
    torch.testing.assert_close(loss, -value)


def test_a_delayed_actor_and_the_targets_wait() -> None:
    made, given = learner(delay=3), batch()
    assert [made.loss("actor", given, update) is not None for update in range(6)] == [False, False, True] * 2
    before = [b.clone() for _, b in made.networks.pairs()]
    with torch.no_grad():
        made.after_update(0)
    assert all(torch.equal(a, b) for a, (_, b) in zip(before, made.networks.pairs(), strict=True))


def test_smoothing_noise_is_cut_off_and_bounded() -> None:
    made = learner(smoothing=0.2)
    seen = torch.randn(5000, 3, generator=generator("seen"))
    plain = learner(smoothing=0.0).next_actions(seen, generator("noise"))
    noisy = made.next_actions(seen, generator("noise"))
    assert float((noisy - plain).abs().max()) <= 0.5 + 1e-6
    assert float(noisy.abs().max()) <= 1.0
    inside = (plain.abs() < 0.4).all(1)
    assert float((noisy - plain)[inside].std()) == pytest.approx(0.2, rel=0.06)


@pytest.mark.parametrize(("noise", "memory", "related"), [("gaussian", 0.15, 0.0), ("ornstein_uhlenbeck", 0.15, 0.85)])
def test_noise_has_its_stationary_moments(noise: str, memory: float, related: float) -> None:
    made = learner(noise=noise, noise_memory=memory, noise_scale=0.3, noise_end=0.1)
    stream, previous, steps = generator("noise", noise), None, []
    for _ in range(400):
        previous = made.noise(previous, (200, 2), 0.5, stream)
        steps.append(previous)
    walk = torch.stack(steps)
    first, one, ten = walk[0], (walk[:-1] * walk[1:]).mean() / 0.04, (walk[:-10] * walk[10:]).mean() / 0.04
    assert float(walk.mean()) == pytest.approx(0.0, abs=0.01)
    assert float(walk.std()) == pytest.approx(0.2, rel=0.02)  # halfway between 0.3 and 0.1
    assert float(first.std()) == pytest.approx(0.2, rel=0.1)
    assert float(one) == pytest.approx(related, abs=0.02)
    assert float(ten) == pytest.approx(related**10, abs=0.03)
