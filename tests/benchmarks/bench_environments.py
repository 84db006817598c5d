"""What random actions get in the environments, beside the exact optimum where there is one, and how fast they are.

    python tests/benchmarks/bench_environments.py [--seeds 5] [--episodes 200]

A return is the sum of an agent's rewards in an episode, the mean over the agents. Intervals are 95 % (Student's t) over
seeds, each the mean of so many episodes. Random actions are uniform over the action space. Steps a second are those
of the environment with random actions, on one core.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from redheart_pettingzoo.opening import make as make_pettingzoo
from redheart_pettingzoo.settings import PettingZooSettings
from redheart_village.environment import VillageLife
from redheart_village.life import make as make_life
from redheart_village.optimum import Plan, best_plan, myopic_plan, place_of
from redheart_village.settings import LifeSettings

Policy = Callable[[Any, np.random.Generator], Mapping[str, NDArray[np.float32]]]


def at_random(environment: Any, rng: np.random.Generator) -> Mapping[str, NDArray[np.float32]]:
    """Uniform over the action space."""
    spaces = {agent: environment.action_space(agent) for agent in environment.agents}
    return {agent: rng.uniform(space.low, space.high).astype(np.float32) for agent, space in spaces.items()}


def follows(plan: Plan) -> Policy:
    """What a plan says, for sure."""

    def act(environment: VillageLife, rng: np.random.Generator) -> Mapping[str, NDArray[np.float32]]:
        step, event, means, rungs = environment.lasting_place
        acts = plan.acts(step, event, int(place_of(means, rungs)))
        return {agent: np.eye(5, dtype=np.float32)[act] for agent, act in zip(environment.agents, acts, strict=True)}

    return act


def returns(environment: Any, policy: Policy, seed: int, episodes: int) -> NDArray[np.float64]:
    """Of each episode; no two seeds share one."""
    rng = np.random.default_rng(seed)
    totals = np.zeros(episodes)
    for episode in range(episodes):
        environment.reset(seed=seed * episodes + episode)
        while environment.agents:
            rewards = environment.step(policy(environment, rng))[1]
            totals[episode] += sum(rewards.values()) / len(environment.possible_agents)
    return totals


def row(name: str, environment: Any, policy: Policy, seeds: int, episodes: int) -> None:
    """Print a policy's figures."""
    started = time.process_time()
    found = np.array([returns(environment, policy, seed, episodes) for seed in range(seeds)])
    seconds = time.process_time() - started
    environment.reset(seed=0)
    length = 0
    while environment.agents:
        environment.step(at_random(environment, np.random.default_rng(0)))
        length += 1
    means = found.mean(1)
    half = stats.t.ppf(0.975, seeds - 1) * means.std(ddof=1) / seeds**0.5
    speed = found.size * length / seconds
    print(
        f"| {name} | {means.mean():.3f} | {means.mean() - half:.3f} to {means.mean() + half:.3f} | "
        f"{found.std(ddof=1):.2f} | {length} | {speed:,.0f} |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--episodes", type=int, default=200)
    chosen = parser.parse_args()
    print("| environment, policy | return | 95 % over seeds | deviation of an episode | steps | steps a second |")
    print("|---|---|---|---|---|---|")
    for name, settings in {
        "2 persons": LifeSettings(persons=2),
        "3 persons": LifeSettings(persons=3),
        "3 persons, nothing lasts": LifeSettings(persons=3, lasting=False),
    }.items():
        environment = make_life(settings)
        plans = {"optimum": best_plan(environment.life), "myopic": myopic_plan(environment.life)}
        row(f"village_life, {name}: random", environment, at_random, chosen.seeds, chosen.episodes)
        for plan_name, plan in plans.items():
            label = f"village_life, {name}: {plan_name} (exactly {plan.episode_return:.3f})"
            row(label, environment, follows(plan), chosen.seeds, chosen.episodes)
    for module in ("simple_spread_v3", "simple_tag_v3", "simple_reference_v3"):
        arguments = {"continuous_actions": True, "max_cycles": 25}
        game = make_pettingzoo(PettingZooSettings(module=f"mpe2.{module}", arguments=arguments))
        row(f"mpe2.{module}: random", game, at_random, chosen.seeds, chosen.episodes)


if __name__ == "__main__":
    main()
