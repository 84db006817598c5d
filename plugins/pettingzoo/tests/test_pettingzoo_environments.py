"""Environments of PettingZoo by their module's name: what opens, what is refused, and what failures say."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

pytest.importorskip("pettingzoo", reason="needs redheart[agents]")
pytest.importorskip("mpe2", reason="needs redheart[agents]")
from fenced_blocks import fenced_blocks
from gymnasium.spaces import Box, Dict, Discrete
from pettingzoo import ParallelEnv

from redheart_core import DataError, MissingResourceError, SettingsError
from redheart_pettingzoo.__main__ import main
from redheart_pettingzoo.checked import CheckedEnvironment
from redheart_pettingzoo.opening import make
from redheart_pettingzoo.settings import PettingZooSettings
from redheart_pettingzoo.turns import step_of


class Toy(ParallelEnv):  # type: ignore[misc]
    """Two agents, three steps; `faults` says what goes wrong in which step, 0 being reset."""

    def __init__(self, faults: Mapping[tuple[int, str], Any], space: object, seen: object) -> None:
        self.faults, self.space = faults, space
        self.seen = seen
        self.possible_agents = ["a", "b"]
        self.metadata = {"name": "toy"}
        self.at = 0

    def observation_space(self, agent: str) -> Any:
        return self.seen

    def action_space(self, agent: str) -> Any:
        return self.space

    def reset(self, seed: int | None = None, options: object = None) -> Any:
        self.at, self.agents = 0, list(self.faults.get((0, "agents"), ["a", "b"]))
        if (0, "raises") in self.faults:
            raise ZeroDivisionError("no ground")
        return self._observations(), {}

    def step(self, actions: Mapping[str, Any]) -> Any:
        self.at += 1
        self.done = dict(actions)
        if (self.at, "raises") in self.faults:
            raise ZeroDivisionError("the ground gave way")
        rewards = {agent: float(self.at) for agent in self.agents}
        rewards |= self.faults.get((self.at, "rewards"), {})
        ended = {agent: self.at == 3 or agent == self.faults.get((self.at, "ends")) for agent in self.agents}
        if (self.at, "is silent on") in self.faults:
            ended.pop(self.faults[self.at, "is silent on"])
        answer: Any = self._observations(), rewards, ended, dict.fromkeys(self.agents, False), {}
        self.agents = [agent for agent in self.agents if not ended.get(agent)]
        return answer

    def _observations(self) -> dict[str, Any]:
        usual = {agent: np.full((2, 1), self.at, np.float32) for agent in self.agents}
        usual |= self.faults.get((self.at, "shows"), {})
        return usual


GOOD = np.array([0.5], np.float32)
Opened = Callable[..., CheckedEnvironment]


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Opened:
    """Opens a toy with faults, through its module's name."""

    def opened(
        faults: Mapping[tuple[int, str], Any] | None = None,
        space: object = None,
        seen: object = None,
        **settings: Any,
    ) -> CheckedEnvironment:
        module = ModuleType("toy_module")
        module.parallel_env = lambda: Toy(  # type: ignore[attr-defined]
            faults or {}, space or Box(0, 1, (1,), np.float32), seen or Box(-9, 9, (2, 1), np.float32)
        )
        monkeypatch.setitem(sys.modules, "toy_module", module)
        return make(PettingZooSettings(module="toy_module", **{"arguments": {}, **settings}))

    return opened


def steps(environment: CheckedEnvironment, count: int, seed: int | None = 5) -> list[Any]:
    environment.reset(seed)
    return [environment.step(dict.fromkeys(environment.agents, GOOD)) for _ in range(count)]


@pytest.mark.parametrize("name", ["simple_spread_v3", "simple_tag_v3", "simple_reference_v3"])
def test_environments_of_mpe2_are_played_to_the_end_and_seeds_give_equal_bits(name: str) -> None:
    def episode() -> tuple[list[float], list[bytes]]:
        environment = make(PettingZooSettings(module=f"mpe2.{name}"))
        rng = np.random.default_rng(0)
        environment.reset(seed=3)
        rewards, states = [], []
        while environment.agents:
            for agent in environment.agents:
                assert environment.observation_space(agent).shape == environment._last[agent].shape
            actions = {
                agent: rng.random(environment.action_space(agent).shape, np.float32) for agent in environment.agents
            }
            rewards += list(environment.step(actions)[1].values())
            states.append(environment.state().tobytes())
        return rewards, states

    first = episode()
    assert len(first[1]) == 25
    assert first == episode()


@pytest.mark.parametrize("name", ["simple_spread_v3", "simple_tag_v3", "simple_reference_v3"])
def test_steps_without_wrappers_are_those_of_pettingzoo_to_the_bit(name: str) -> None:
    module = importlib.import_module(f"mpe2.{name}")
    arguments = {"continuous_actions": True, "max_cycles": 4}
    theirs, ours = (module.parallel_env(**arguments) for _ in range(2))
    step, rng = step_of(ours), np.random.default_rng(0)
    assert step != ours.step
    for seed in (0, 1):
        assert str(theirs.reset(seed=seed)) == str(ours.reset(seed=seed))
        for count in range(1, 5):
            actions = {one: rng.random(theirs.action_space(one).shape, np.float32) for one in theirs.agents}
            (seen, *rest), (seen_here, *rest_here) = theirs.step(actions), step(actions)
            assert [dict(one) for one in rest] == rest_here
            assert {one: row.tobytes() for one, row in seen.items()} == {
                one: row.tobytes() for one, row in seen_here.items()
            }
            assert ours.agents == theirs.agents == ([] if count == 4 else theirs.possible_agents)


def test_an_environment_without_turns_keeps_its_own_step(toy: Opened) -> None:
    inner = toy().unwrapped
    assert step_of(inner) == inner.step


def test_agents_may_have_spaces_of_their_own_and_places(toy: Opened) -> None:
    environment = make(PettingZooSettings(module="mpe2.simple_tag_v3"))
    environment.reset(seed=0)
    sizes = {agent: environment.observation_space(agent).shape[0] for agent in environment.possible_agents}
    assert sizes == {"adversary_0": 16, "adversary_1": 16, "adversary_2": 16, "agent_0": 14}
    assert environment.scene
    places = environment.scene.places
    assert {"agent_0", "landmark 0"} <= set(places)
    assert places["agent_0"] == pytest.approx(environment.state()[-12:-10])

    assert toy().scene is None


def test_what_agents_see_and_do_are_vectors(toy: Opened) -> None:
    environment = toy(space=Box(-2, 2, (2, 2), np.float64))
    observations, _ = environment.reset(seed=1)
    assert observations["a"].shape == (2,)
    action = np.array([1, -2, 0, 2], np.float32)
    _, rewards, *_ = environment.step({"a": action, "b": -action})
    assert rewards == {"a": 1.0, "b": 1.0}
    assert environment.unwrapped.done["b"].tolist() == [[-1, 2], [0, -2]]


def test_discrete_actions_are_refused_with_what_makes_them_numbers(toy: Opened) -> None:
    with pytest.raises(
        SettingsError, match=r"agent_0 chooses one of 5 actions.*continuous_actions = true \} or discrete"
    ):
        make(PettingZooSettings(arguments={}))
    with pytest.raises(
        SettingsError, match=r'a chooses one of 4 actions, but agents set numbers; set discrete = "scores"'
    ):
        toy(space=Discrete(4))
    environment = toy(space=Discrete(4, start=2), discrete="scores")
    environment.reset(0)
    environment.step({"a": np.array([0, 0.2, 0.9, 0.1], np.float32), "b": np.array([1, 0, 0, 0], np.float32)})
    assert environment.unwrapped.done == {"a": 4, "b": 2}


def test_other_spaces_are_refused(toy: Opened) -> None:
    with pytest.raises(SettingsError, match="a acts by Dict"):
        toy(space=Dict({"x": Discrete(2)}))
    with pytest.raises(SettingsError, match="without bounds"):
        toy(space=Box(-np.inf, 1, (1,), np.float32))
    with pytest.raises(SettingsError, match=r"a observes Discrete\(3\)"):
        toy(seen=Discrete(3))


def test_a_missing_package_is_named_with_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mpe2", None)
    monkeypatch.delitem(sys.modules, "mpe2.simple_spread_v3", raising=False)
    with pytest.raises(MissingResourceError, match=r"the package mpe2.*pip install 'redheart\[agents\]'"):
        make(PettingZooSettings())
    with pytest.raises(MissingResourceError, match="needs the package no_such_games"):
        make(PettingZooSettings(module="no_such_games.chess_v1"))


def test_a_wrong_name_says_what_is_near() -> None:
    with pytest.raises(SettingsError, match=r"no module mpe2\.simple_spead_v3; do you mean .*mpe2\.simple_spread_v3"):
        make(PettingZooSettings(module="mpe2.simple_spead_v3"))
    with pytest.raises(SettingsError, match="json has no function parallel_env"):
        make(PettingZooSettings(module="json"))
    with pytest.raises(SettingsError, match="expects the name of a Python module"):
        PettingZooSettings(module="mpe2/simple_spread_v3")


def test_arguments_are_checked(toy: Opened) -> None:
    with pytest.raises(SettingsError, match=r"no argument size \(arguments: N, local_ratio, max_cycles"):
        make(PettingZooSettings(arguments={"size": 3}))
    with pytest.raises(SettingsError, match=r"parallel_env\(N='three'\) fails with TypeError"):
        make(PettingZooSettings(arguments={"N": "three"}))
    with pytest.raises(SettingsError, match=r"no argument size \(arguments: none\)"):
        toy(arguments={"size": 3})
    environment = make(PettingZooSettings(arguments={"N": 2, "max_cycles": 3, "continuous_actions": True}))
    assert environment.possible_agents == ["agent_0", "agent_1"]


NAN = {"b": np.array([[np.nan], [0]], np.float32)}


@pytest.mark.parametrize(
    ("faults", "message"),
    [
        ({(0, "raises"): True}, "fails with ZeroDivisionError: no ground (in reset of the episode with seed 5"),
        (
            {(2, "raises"): True},
            "fails with ZeroDivisionError: the ground gave way (in step 1 of the episode with seed 5",
        ),
        ({(3, "rewards"): {"b": float("nan")}}, "rewards b with nan, which is not finite (in step 2 "),
        ({(1, "rewards"): {"a": -float("inf")}}, "rewards a with -inf, which is not finite (in step 0 "),
        ({(2, "shows"): NAN}, "shows b a number that is not finite: nan (in step 1 "),
        ({(0, "shows"): NAN}, "shows b a number that is not finite: nan (in reset "),
        ({(1, "shows"): {"a": np.zeros(3)}}, "shows a 3 numbers, and its space has 2 (in step 0 "),
        ({(1, "is silent on"): "a"}, "does not say whether a has ended (in step 0 "),
        ({(0, "agents"): ["b"]}, "begins without a;"),
    ],
)
def test_a_failure_names_the_agent_the_step_and_the_seed(
    faults: Mapping[tuple[int, str], Any], message: str, toy: Opened
) -> None:
    with pytest.raises(DataError) as raised:
        steps(toy(faults), 3)
    assert message in str(raised.value)
    assert 'set failures = "FILE.json"' in str(raised.value)


def test_a_failure_can_be_played_again(toy: Opened, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "failure.json"
    with pytest.raises(DataError, match=r"python -m redheart_pettingzoo .*failure\.json plays it again"):
        steps(toy({(2, "raises"): True}, failures=str(path)), 3)
    kept = json.loads(path.read_text(encoding="utf-8"))
    assert (kept["seed"], kept["actions"]) == (5, [{"a": [0.5], "b": [0.5]}] * 2)
    assert main([str(path)]) == 1
    assert "the ground gave way (in step 1 of the episode with seed 5" in capsys.readouterr().out
    toy()
    assert main([str(path)]) == 0
    assert capsys.readouterr().out == "2 steps passed; the failure did not come again\n"
    assert main([]) == 2


def test_an_agent_that_ends_early_leaves_or_is_refused(toy: Opened) -> None:
    environment = toy({(1, "ends"): "b"})
    first, second, third = steps(environment, 3)
    assert first[2] == {"a": False, "b": True}
    assert second[1] == {"a": 2.0}
    assert third[2] == {"a": True}
    assert environment.state().tolist() == [3, 3, 1, 1]
    assert environment.agents == []
    with pytest.raises(DataError, match=r"ends for b and goes on for a; ended = \"leave\".*in step 0 of the episode"):
        steps(toy({(1, "ends"): "b"}, ended="refuse"), 3)
    # all at once is no early end
    assert steps(toy(ended="refuse"), 3)[-1][2] == {"a": True, "b": True}


def test_actions_outside_the_space_are_refused(toy: Opened) -> None:
    environment = toy()
    with pytest.raises(DataError, match="no episode of toy_module is going on"):
        environment.step({})
    environment.reset(0)
    for bad in (np.array([1.5]), np.array([0.5, 0.5]), np.array([np.nan])):
        with pytest.raises(DataError, match="b needs an action of 1 numbers within its bounds in step 0"):
            environment.step({"a": GOOD, "b": bad})


def test_the_block_of_the_readme_prints_what_the_readme_says(capsys: pytest.CaptureFixture[str]) -> None:
    readme = Path(__file__).parents[1] / "README.md"
    (block,) = (one for one in fenced_blocks(readme) if one.language == "python")
    exec(block.text, {})
    printed = capsys.readouterr().out.strip()
    assert f"agents: {printed}.\n" in readme.read_text(encoding="utf-8")
