"""The exact optimum of a life against a recursion of its own, a closed form, and episodes that are played."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable

import attrs
import numpy as np
import pytest

from redheart_core import SettingsError
from redheart_village.acts import ACTS, Act
from redheart_village.life import Life, Numbers, settle
from redheart_village.optimum import Plan, best_plan, myopic_plan, place_of, places
from redheart_village.settings import LifeSettings

SMALL = LifeSettings(persons=2, events=3, steps=3)

OWN_MEANS = {
    "fair": {"bold": 1, "safe": 1, "kind": 0, "wrong": 1, "wait": 0},
    "foul": {"bold": -1, "safe": 1, "kind": -1, "wrong": 0, "wait": -1},
}
OTHERS_MEANS = {
    "fair": {"bold": 0, "safe": 0, "kind": 1, "wrong": -1, "wait": 0},
    "foul": {"bold": -1, "safe": 0, "kind": 1, "wrong": -1, "wait": -1},
}
TIE = {False: {"kind": 1, "wrong": -1}, True: {"kind": 1, "wrong": -1, "wait": -1}}
"""By hand from the tables of the README, in which the code looks nothing up."""
LUCKS = (("fair", False), ("fair", True), ("foul", False), ("foul", True))


Place = tuple[int, ...]


def after(means: Place, rungs: Place, acts: tuple[Act, ...], promised: bool, state: int) -> tuple[Place, Place]:
    luck, seen = LUCKS[state]
    people = range(len(means))
    new_means = tuple(
        min(max(means[one] + OWN_MEANS[luck][acts[one]] + OTHERS_MEANS[luck][acts[one - 1]], 0), 2) for one in people
    )
    steps = [TIE[promised].get(act, 0) if seen else 0 for act in acts]
    moved = [sum(steps)] if len(rungs) == 1 else steps
    return new_means, tuple(min(max(rung + step, 0), 3) for rung, step in zip(rungs, moved, strict=True))


def recursion(life: Life) -> Callable[[int, Place, Place], float]:
    """The best expected sum of rewards from a step, means and ties on: every joint act is tried in every event."""

    @functools.cache
    def reward(event: int, one: int, rung: int, has_means: bool, act: Act) -> list[float]:
        rows = {
            name: life.utility[event, one, rung, ACTS.index(name)].tolist()
            for name in life.situation(event, one, rung, has_means).acts
        }
        best = [max(column) for column in zip(*rows.values(), strict=True)]
        weight = life.settings.regret_weight
        return [worth - weight * (top - worth) for worth, top in zip(rows[act], best, strict=True)]

    @functools.cache
    def value(step: int, means: Place, rungs: Place) -> float:
        if step == life.settings.steps:
            return 0.0
        return sum(best_of(step, means, rungs, event) for event in range(len(life.events))) / len(life.events)

    def best_of(step: int, means: Place, rungs: Place, event: int) -> float:
        people = [(one, rungs[one % len(rungs)], have > 0) for one, have in enumerate(means)]
        worths = []
        for acts in itertools.product(*(life.situation(event, *one).acts for one in people)):
            worth = 0.0
            for state, p in enumerate(life.events[event].probabilities):
                new = after(means, rungs, acts, bool(life.promised[event]), state)
                later = value(step + 1, *(new if life.settings.lasting else (means, rungs)))
                worth += p * (
                    sum(reward(event, *one, act)[state] for one, act in zip(people, acts, strict=True)) + later
                )
            worths.append(worth)
        return max(worths)

    return value


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_the_optimum_is_that_of_a_recursion_that_tries_everything(weight: float) -> None:
    life = settle(attrs.evolve(SMALL, events=2, steps=2, regret_weight=weight, seed=5))
    means, rungs = places(2)
    value = recursion(life)
    values = [value(0, tuple(a.tolist()), tuple(b.tolist())) for a, b in zip(means, rungs, strict=True)]
    assert best_plan(life).values[0] == pytest.approx(np.array(values), abs=1e-12)


def test_of_three_persons_too() -> None:
    life = settle(LifeSettings(persons=3, events=2, steps=2, seed=5))
    plan, value = best_plan(life), recursion(life)
    for means, rungs in (((0, 1, 2), (0, 3, 1)), ((0, 0, 0), (2, 2, 2))):
        place = int(place_of(np.array(means), np.array(rungs)))
        assert plan.values[0, place] == pytest.approx(value(0, means, rungs), abs=1e-12)


def test_without_lasting_effects_it_is_the_best_act_of_each_step() -> None:
    life = settle(attrs.evolve(SMALL, lasting=False))
    expected = np.einsum("knlhas,ks->knlha", life.reward, life.probabilities)
    best = np.nanmax(expected, -1)  # the mean over means and rungs to start from: 2 of 3 have means
    closed = life.settings.steps * float((best @ np.array([1 / 3, 2 / 3])).mean())
    assert best_plan(life).episode_return == pytest.approx(closed, abs=1e-12)
    assert np.array_equal(best_plan(life).joint, myopic_plan(life).joint)


def test_acts_that_last_are_worth_looking_ahead() -> None:
    life = settle(attrs.evolve(SMALL, events=8, steps=10))
    best, myopic = best_plan(life), myopic_plan(life)
    assert (best.values >= myopic.values - 1e-12).all()
    assert best.episode_return > myopic.episode_return + 0.5


def play(life: Life, plan: Plan, episodes: int) -> Numbers:
    """Returns of a person by episode, of the plan in the environment."""
    from redheart_village.environment import VillageLife

    environment = VillageLife(life)
    totals = np.zeros(episodes)
    for episode in range(episodes):
        environment.reset(episode)
        while environment.agents:
            step, event, means, rungs = environment.lasting_place
            acts = plan.acts(step, event, int(place_of(means, rungs)))
            actions = {agent: np.eye(5)[act] for agent, act in zip(environment.agents, acts, strict=True)}
            rewards = environment.step(actions)[1]
            totals[episode] += sum(rewards.values()) / len(rewards)
    return totals


@pytest.mark.slow
@pytest.mark.parametrize(("persons", "look_ahead"), [(2, True), (3, False)])
def test_episodes_of_a_plan_bring_what_it_says(persons: int, look_ahead: bool) -> None:
    pytest.importorskip("pettingzoo", reason="needs redheart[agents]")
    life = settle(attrs.evolve(SMALL, persons=persons))
    plan = best_plan(life) if look_ahead else myopic_plan(life)
    returns = play(life, plan, 200)
    error = returns.std(ddof=1) / len(returns) ** 0.5
    assert abs(returns.mean() - plan.episode_return) < 3 * error
    assert error < 0.15


def test_settings_outside_their_range_are_refused() -> None:
    with pytest.raises(ValueError, match="persons"):
        LifeSettings(persons=4)
    assert issubclass(SettingsError, ValueError)
