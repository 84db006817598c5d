"""Environments are checked, episodes are what their seeds make them, and a replay is a ring."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Discrete
from toy_worlds import Meeting, ToySettings

from redheart_core.agents.acting import at_random
from redheart_core.agents.episodes import Played, listened, play
from redheart_core.agents.learning import listening_weights
from redheart_core.agents.replay import Replay, Step
from redheart_core.agents.world import World
from redheart_core.contract.errors import CheckpointError, DataError, PluginError
from redheart_core.storage.runtime import generator


def world(of: type[Meeting] = Meeting, **changes: Any) -> World:
    return World.of("toy", lambda: of(ToySettings(**changes)))


def played(of: World, seeds: list[int], limit: int = 100, **options: Any) -> Played:
    def still(seen: tuple[torch.Tensor, ...], numbers: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(torch.full((len(numbers), 1), 0.5) for _ in seen)

    return play(of, seeds, still, limit, **options)


def test_an_episode_is_the_same_alone_and_beside_others() -> None:
    together = played(world(), [1, 2, 3]).returns
    for place, seed in enumerate((1, 2, 3)):
        assert played(world(), [seed]).returns.equal(together[place : place + 1])
    assert not together[0].equal(together[1])


def test_actions_are_mapped_to_the_bounds() -> None:
    of = world()
    assert of.scaled(0, torch.tensor([-1.0])) == -0.5
    assert of.scaled(0, torch.tensor([0.0])) == 0.0
    assert of.scaled(0, torch.tensor([7.0])) == 0.5


def test_a_cut_is_no_end() -> None:
    steps: list[Step] = []
    played(world(steps=3), [1], observe=steps.append)
    assert [float(step.terminated.sum()) for step in steps] == [0.0, 0.0, 0.0]
    steps.clear()
    assert played(world(steps=3), [1], limit=2, observe=steps.append).steps == 2
    assert float(steps[-1].terminated.sum()) == 0.0


class Leaving(Meeting):
    """The first agent leaves after its first step, with a last reward."""

    def step(self, actions: dict[str, Any]) -> tuple[dict[str, Any], ...]:
        first = "agent_0" in self.agents
        seen, rewards, ended, cut, infos = super().step(actions)
        if first:
            ended["agent_0"] = True
            self.agents = [agent for agent in self.agents if agent != "agent_0"]
        return seen, rewards, ended, cut, infos


def test_an_agent_that_has_ended_no_longer_acts() -> None:
    steps: list[Step] = []
    found = played(world(Leaving, steps=3), [1], observe=steps.append)
    assert [step.present.tolist() for step in steps] == [[[True, True]], [[False, True]], [[False, True]]]
    assert [step.terminated[0, 0].item() for step in steps] == [1.0, 0.0, 0.0]
    assert found.returns[0, 0].item() == pytest.approx(float(steps[0].rewards[0, 0]))


class Broken(Meeting):
    how = ""

    def step(self, actions: dict[str, Any]) -> tuple[dict[str, Any], ...]:
        seen, rewards, *rest = super().step(actions)
        if self.how == "reward":
            rewards["agent_1"] = float("nan")
        if self.how == "observation":
            seen["agent_1"] = np.array([np.inf, 0.0])
        if self.how == "size":
            seen["agent_1"] = np.zeros(3)
        if self.how == "no reward":
            del rewards["agent_1"]
        if self.how == "no observation":
            del seen["agent_1"]
        if self.how == "dies":
            raise RuntimeError("out of coffee")
        return seen, rewards, *rest


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("reward", "'toy', seed 7, step 1: agent_1 gets the reward nan"),
        ("observation", "'toy', seed 7, step 1: agent_1 observes .*finite"),
        ("size", "seed 7, step 1: agent_1 observes 3 numbers, its space has 2"),
        ("no reward", "seed 7, step 1: agent_1 acted and gets no reward"),
        ("no observation", "seed 7, step 1: agent_1 goes on or is cut off, and observes nothing"),
        ("dies", "seed 7, step 1 failed with RuntimeError: out of coffee"),
    ],
)
def test_what_an_environment_must_not_give_names_seed_and_step(
    how: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Broken, "how", how)
    with pytest.raises(DataError, match=message):
        played(world(Broken), [7])


@pytest.mark.parametrize(
    ("space", "message"),
    [(Discrete(3), "acts in Discrete"), (Box(0, np.inf, (2,)), "within bounds"), (Box(0, 1, (2, 2)), "one dimension")],
)
def test_spaces_that_agents_cannot_use_are_refused(space: Any, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Meeting, "action_space", lambda _, agent: space)
    with pytest.raises(PluginError, match=message):
        world()


def test_a_replay_keeps_the_newest_and_comes_back_bit_for_bit() -> None:
    replay, of = Replay(10, (2, 2), (1, 1)), world(steps=7)
    play(of, [1, 2], at_random(of, [generator("a"), generator("b")]), 100, observe=replay.add)
    assert (replay.size, replay.next) == (10, 4)
    again = Replay(10, (2, 2), (1, 1))
    again.load(replay.tensors())
    assert all(again.columns[name].equal(column) for name, column in replay.columns.items())
    assert replay.draw(0, 50, generator("draw")).equal(again.draw(0, 50, generator("draw")))
    newest: list[Step] = []
    play(of, [1, 2], at_random(of, [generator("a"), generator("b")]), 100, observe=newest.append)
    kept = torch.cat([step.rewards for step in newest])[-10:]
    assert replay.columns["rewards"][(torch.arange(10) + replay.next) % 10].equal(kept)
    with pytest.raises(CheckpointError, match="more than 5 steps"):
        Replay(5, (2, 2), (1, 1)).load(replay.tensors())


def test_only_steps_in_which_an_agent_acted_are_drawn() -> None:
    replay, of = Replay(100, (2, 2), (1, 1)), world(Leaving, steps=5)
    played(of, [1, 2], observe=replay.add)
    drawn = replay.draw(0, 200, generator("draw"))
    assert set(drawn.tolist()) == {0, 1}
    assert set(replay.draw(1, 200, generator("draw")).tolist()) == set(range(10))


def test_weights_of_communication_are_row_stochastic_and_prefer_those_who_do_well() -> None:
    table = listening_weights(torch.tensor([-5.0, 1.0, 3.0]).double(), 1.0)
    assert table.diagonal().tolist() == [0.0, 0.0, 0.0]
    torch.testing.assert_close(table.sum(1), torch.ones(3))
    spread = float(torch.tensor([-5.0, 1.0, 3.0]).std(correction=0))
    assert float(table[0, 2] / table[0, 1]) == pytest.approx(np.exp(2.0 / spread), rel=1e-5)
    equal = listening_weights(torch.zeros(3).double(), 1.0)
    torch.testing.assert_close(equal, (1 - torch.eye(3)) / 2)
    torch.testing.assert_close(listening_weights(torch.tensor([-5.0, 1.0, 3.0]), 1e9), equal)


def test_an_agent_hears_the_weighted_mean_of_the_others() -> None:
    seen = tuple(torch.randn(4, 2, generator=generator("seen", agent)) for agent in range(3))
    table = torch.tensor([[0.0, 0.25, 0.75], [1.0, 0.0, 0.0], [0.5, 0.5, 0.0]])
    heard = listened(seen, table)
    torch.testing.assert_close(heard[0], torch.cat([seen[0], 0.25 * seen[1] + 0.75 * seen[2]], 1))
    assert heard[1].equal(torch.cat([seen[1], seen[0]], 1))


def test_names_of_agents_are_names_of_folders() -> None:
    class Odd(Meeting):
        def __init__(self, settings: ToySettings) -> None:
            super().__init__(settings)
            self.possible_agents = ["a/b"]

    with pytest.raises(PluginError, match="'a/b' cannot name a folder"):
        world(Odd)
    assert attrs.evolve(world(), agents=("wolf", "agent_1")).groups == ("agent_wolf", "agent_1")
