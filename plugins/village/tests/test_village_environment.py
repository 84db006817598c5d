"""The village as an environment: the parallel API, what is seen, what is done, and that seeds decide everything."""

from __future__ import annotations

import copy
import itertools
import random
import sys
import warnings
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from fenced_blocks import fenced_blocks
from numpy.typing import NDArray

pytest.importorskip("pettingzoo", reason="needs redheart[agents]")

from redheart_core import DataError, MissingResourceError
from redheart_village.account import account_for
from redheart_village.acts import ACTS, Act
from redheart_village.affect import moved, rest
from redheart_village.company import Company
from redheart_village.environment import VillageLife, shares
from redheart_village.feelings import feel, show
from redheart_village.hearts import Case, touch
from redheart_village.life import make, settle
from redheart_village.past import lasting
from redheart_village.settings import LifeSettings
from redheart_village.world import STATES, Episode

ALL = np.ones(5, dtype=np.bool_)


def played(environment: VillageLife, seed: int | None, action: NDArray[np.float32]) -> list[Any]:
    trace: list[Any] = [environment.reset(seed)[0]]
    while environment.agents:
        trace.append(environment.step(dict.fromkeys(environment.agents, action))[:2])
    return trace


def same(one: list[Any], other: list[Any]) -> bool:
    return repr(np.array(flat(one)).tolist()) == repr(np.array(flat(other)).tolist())


def flat(trace: list[Any]) -> list[float]:
    first, *steps = trace
    numbers = [value for seen in first.values() for value in seen]
    for seen, rewards in steps:
        numbers += [value for vector in seen.values() for value in vector] + list(rewards.values())
    return numbers


@pytest.mark.slow
@pytest.mark.parametrize("persons", [2, 3])
def test_it_is_a_parallel_environment(persons: int, capsys: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of games that pettingzoo's own tests import
        from pettingzoo.test import parallel_api_test, parallel_seed_test

    settings = LifeSettings(persons=persons, events=3)
    parallel_api_test(make(settings), num_cycles=30)
    parallel_seed_test(lambda: make(settings), num_cycles=15)
    assert "Passed" in capsys.readouterr().out


def test_a_seed_decides_every_bit_and_another_one_differs() -> None:
    action = np.full(5, 0.5, dtype=np.float32)
    environment = make(LifeSettings(events=4))
    first = played(environment, 3, action)
    assert same(first, played(environment, 3, action))
    assert same(first, played(make(LifeSettings(events=4)), 3, action))
    assert not same(first, played(environment, 4, action))


def test_a_copy_in_the_middle_of_an_episode_goes_on_the_same() -> None:
    environment = make(LifeSettings(persons=2, events=4))
    environment.reset(1)
    action = np.full(5, 0.4, dtype=np.float32)
    environment.step(dict.fromkeys(environment.agents, action))
    other = copy.deepcopy(environment)
    for _ in range(5):
        both = [one.step(dict.fromkeys(one.agents, action)) for one in (environment, other)]
        assert both[0][1] == both[1][1]
        assert (environment.state() == other.state()).all()


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ((1, 0, 0, 0, 0), (1, 0, 0, 0, 0)),
        ((0, 0, 0, 0, 0), (0.2, 0.2, 0.2, 0.2, 0.2)),
        ((0.9, 0.4, 0, 0, 0), (0.75, 0.25, 0, 0, 0)),
        ((0.5, 0.5, 0.5, 0, 0), (1 / 3, 1 / 3, 1 / 3, 0, 0)),
    ],
)
def test_shares_are_the_nearest_point_of_the_simplex(action: tuple[float, ...], expected: tuple[float, ...]) -> None:
    assert shares(np.array(action, dtype=float), ALL) == pytest.approx(np.array(expected))


@pytest.mark.parametrize(("lead", "least", "most"), [(1.0, 60, 90), (0.5, 100, 100)])
def test_an_act_that_leads_by_enough_is_done_for_sure(lead: float, least: int, most: int) -> None:
    """An act that leads by half is one of several that may be drawn, 0.6 of five; with a lead of 0.5 it is sure."""
    environment = make(LifeSettings(persons=2, lead=lead))
    waiting = np.where(np.array(ACTS) == "wait", 0.5, 0.0).astype(np.float32)
    done = 0
    for seed in range(50):
        environment.reset(seed)
        infos = environment.step(dict.fromkeys(environment.agents, waiting))[4]
        done += sum(info["act"] == "wait" for info in infos.values())
    assert least <= done <= most


def test_no_other_point_is_nearer_and_what_is_impossible_has_no_share() -> None:
    rng = np.random.default_rng(0)
    possible = np.array([True, False, True, True, False])
    for _ in range(30):
        action = rng.random(5)
        found = shares(action, possible)
        assert found.sum() == pytest.approx(1.0)
        assert (found[~possible] == 0).all()
        others = np.zeros((200, 5))
        others[:, possible] = rng.dirichlet(np.full(3, 0.5), 200)
        distance = ((others - action)[:, possible] ** 2).sum(1)
        assert (((found - action)[possible] ** 2).sum() <= distance).all()


def test_rewards_are_utility_less_regret_of_the_act_that_was_done() -> None:
    settings = LifeSettings(persons=2, regret_weight=0.5)
    environment = make(settings)
    environment.reset(0)
    action = np.full(5, 0.2, dtype=np.float32)
    for _ in range(settings.steps):
        _, event, means, rungs = environment.lasting_place
        _, rewards, _, _, infos = environment.step(dict.fromkeys(environment.agents, action))
        for person, agent in enumerate(rewards):
            info, rung = infos[agent], int(rungs[0])
            table = environment.life.utility[event, person, rung]
            states = np.flatnonzero(table[ACTS.index(info["act"])] == info["utility"])
            possible = environment.life.possible[event, int(means[person] > 0)]
            assert info["act"] in environment.life.situation(event, person, rung, bool(means[person])).acts
            assert any(
                info["regret"] == pytest.approx(table[possible][:, state].max() - info["utility"]) for state in states
            )
            assert rewards[agent] == info["utility"] - 0.5 * info["regret"]


def test_a_team_shares_its_rewards() -> None:
    apart, together = make(LifeSettings()), make(LifeSettings(team=True))
    for environment in (apart, together):
        environment.reset(2)
    action = np.full(5, 0.5, dtype=np.float32)
    own = apart.step(dict.fromkeys(apart.agents, action))[1]
    shared = together.step(dict.fromkeys(together.agents, action))[1]
    assert len(set(own.values())) == 3
    assert list(shared.values()) == pytest.approx([sum(own.values()) / 3] * 3)


def test_others_feelings_are_seen_as_shown_and_their_moods_are_caught() -> None:
    environment = make(LifeSettings(persons=2))
    observation = environment.reset(1)[0]["person_0"]
    first, second = environment.life.members
    assert observation[:6] == pytest.approx(np.array(rest(first)), abs=1e-6)
    assert observation[6:12] == pytest.approx(np.array(show(rest(second), second)), abs=1e-6)
    observation = environment.step(dict.fromkeys(environment.agents, np.full(5, 0.5, dtype=np.float32)))[0]["person_0"]
    assert (observation[6:12] != np.array(show(rest(second), second), dtype=np.float32)).any()
    # the mood differs from what the event alone has left, unless the two are rivals
    closeness = observation[12]
    alone = lasting(rest(first), environment._hearts.after[0], environment._hearts._brooding[0])
    assert (np.abs(observation[:6] - np.array(alone)).max() > 1e-4) == (closeness > 0)


@pytest.mark.parametrize("act", ACTS)
def test_acts_feel_as_in_the_stories_of_the_data_set(act: Act) -> None:
    life = settle(LifeSettings(events=8))
    felt = 0
    for event, state in itertools.product(range(8), range(4)):
        if act not in life.events[event].acts:
            continue
        felt += 1
        situation = life.situation(event, 1, 2, True)
        account = account_for(Episode(situation, act, STATES[state], known=True, focus="agent"))
        other = attrs.evolve(life.members[2], closeness=situation.pair.closeness)
        mood = (0.1, -0.2, 0.3, 0.0, 0.4, -0.5)
        told = feel(account, Company(life.members[1], (other,)), mood, random.Random(0))
        found = touch(life, Case(event, 1, 2, True, ACTS.index(act), state))
        assert moved(mood, found.own, found.own_share) == told.actor_after
        assert moved(told.others_before[0], found.others, found.others_share) == told.others_after[0]
    assert felt


def test_without_lasting_effects_ties_and_means_stay() -> None:
    environment = make(LifeSettings(lasting=False))
    environment.reset(7)
    before = environment.lasting_place[2:]
    for _ in range(5):
        environment.step(dict.fromkeys(environment.agents, np.full(5, 0.5, dtype=np.float32)))
        assert all((one == other).all() for one, other in zip(before, environment.lasting_place[2:], strict=True))


def test_an_action_outside_the_space_is_refused_with_the_step() -> None:
    environment = make(LifeSettings(persons=2))
    with pytest.raises(DataError, match="reset"):
        environment.step({})
    environment.reset(0)
    good = np.full(5, 0.5, dtype=np.float32)
    for bad in (np.full(5, 1.5), np.full(4, 0.5), np.full(5, np.nan)):
        with pytest.raises(DataError, match=r"person_1 needs an action of 5 numbers .* in step 0"):
            environment.step({"person_0": good, "person_1": bad})
    with pytest.raises(DataError, match=r"person_1 .*got nothing"):
        environment.step({"person_0": good})


def test_an_episode_ends_for_everybody_and_the_past_is_observed() -> None:
    environment = make(LifeSettings(persons=2, steps=2))
    observation = environment.reset(0)[0]["person_0"]
    assert (observation[-12:] == 0).all()
    assert observation.shape == environment.observation_space("person_0").shape
    good = np.eye(5, dtype=np.float32)[4]
    seen, _, ended, cut, _ = environment.step(dict.fromkeys(environment.agents, good))
    assert seen["person_0"][-12:-2].tolist() == [0, 0, 0, 0, 1, 0, 0, 0, 0, 1]
    assert not any((*ended.values(), *cut.values()))
    seen, _, ended, cut, _ = environment.step(dict.fromkeys(environment.agents, good))
    assert all(ended.values())
    assert not any(cut.values())
    assert environment.agents == []
    assert "wait" in environment.said


@pytest.mark.parametrize("library", ["pettingzoo", "gymnasium"])
def test_a_missing_library_is_named_with_the_extra(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "redheart_village.environment")
    monkeypatch.setitem(sys.modules, library, None)
    if library == "gymnasium":
        monkeypatch.delitem(sys.modules, "gymnasium.spaces")
    with pytest.raises(MissingResourceError, match=r"pip install 'redheart\[agents\]'"):
        make(LifeSettings())


def test_the_block_of_the_readme_prints_what_the_readme_says(capsys: pytest.CaptureFixture[str]) -> None:
    readme = Path(__file__).parents[1] / "README.md"
    (block,) = (one for one in fenced_blocks(readme) if one.language == "python")
    exec(block.text, {})
    said, figures = capsys.readouterr().out.splitlines()
    assert "luck" in said
    assert figures == "1.689 0.881"
    assert all(figure in readme.read_text(encoding="utf-8") for figure in ("1.689 an episode", "0.881."))
