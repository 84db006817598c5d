"""Agents over seeds: learning curves, teams of best epochs, and what each way to learn does.

    python tests/benchmarks/bench_agents.py FOLDER [--environment simple_spread] [--variants central independent ...]
        [--seeds 5] [--first 0] [--epochs 10] [--only-print]

FOLDER keeps every run; one that was stopped goes on, one that is finished is not done again. After each training the
team of every agent's best epoch plays the best common epoch, the last one and random actions on the same test episodes,
which nothing was chosen on. Intervals are 95 % (Student's t) over seeds. Returns are those of `unit`: of village_life
the mean over the agents, beside the exact optimum; of mpe2's the sum over them, of simple_spread beside a policy by
hand. Steps a second are those of a whole training, evaluation included, by CPU time of the process.

What is published of simple_spread is in rewards of the environment of Lowe et al. 2017, where an agent also counts as
colliding with itself, and everybody gets the sum of all rewards. mpe2 gives an agent half of minus the distances and
half of minus its collisions. So a sum S over three agents and 25 steps here is 6 S - 225 there.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import stats
from torch import Tensor

import redheart
from redheart.agents import open_agents
from redheart.options import PluginChoice
from redheart_core.agents.acting import episode_seeds
from redheart_core.agents.context import AgentsContext
from redheart_core.agents.episodes import play
from redheart_core.agents.teams import RANDOM, Member, compare_teams, read_manifests
from redheart_core.selection.sweetspot import find_sweetspot
from redheart_village.life import settle
from redheart_village.optimum import best_plan, myopic_plan
from redheart_village.settings import LifeSettings

PERSONS = 2
CYCLES = 25
"""Of an episode in mpe2, unless its settings say otherwise."""
KEYS = ("crossover", "common", "random", "scripted")
ENVIRONMENTS: dict[str, dict[str, Any]] = {
    "village_life": {"village_life.persons": PERSONS},
    "simple_spread": {"pettingzoo.module": "mpe2.simple_spread_v3"},
    "simple_reference": {"pettingzoo.module": "mpe2.simple_reference_v3"},
}
VARIANTS: dict[str, dict[str, Any]] = {
    "central": {},
    "independent": {"multi_agent.central": False},
    "shared": {"agents.shared": True},
    "communication": {"agents.communication": True},
    "undecided": {"village_life.lead": 1.0},
}
"""What each changes of `central`: critics that see all agents, each learns from its own steps, nobody hears others.
`undecided` is of village_life alone, where an act is then done for sure only if it leads all others by 1."""
COMMON: dict[str, Any] = {"agents.comparison_episodes": 100}
"""Everything else is as agents learn by default."""


def unit(environment: str, total: float) -> float:
    """A return as it is printed, of the sum over the agents."""
    return total / PERSONS if environment == "village_life" else total


def assigned(seen: tuple[Tensor, ...], _: Tensor) -> tuple[Tensor, ...]:
    """simple_spread by hand, out of what agents observe: each goes straight to the landmark that it has in the
    assignment of least total distance, and brakes as friction and force allow."""
    own = torch.stack([one[:, 2:4] for one in seen], 1)
    landmarks = own[:, :1] + seen[0][:, 4:10].reshape(-1, 3, 2)
    way = landmarks[:, None] - own[:, :, None]
    orders = list(itertools.permutations(range(3)))
    total = torch.stack([sum(way[:, agent, one[agent]].norm(dim=1) for agent in range(3)) for one in orders], 1)
    chosen = torch.tensor(orders)[total.argmin(1)]
    actions = []
    for agent, one in enumerate(seen):
        speed, left = one[:, :2], way[torch.arange(len(one)), agent, chosen[:, agent]]
        force = ((7 * (left - 0.1 * speed) - 0.75 * speed) / 0.5).clamp(-1, 1)
        sides = torch.stack([torch.zeros(len(one)), -force[:, 0], force[:, 0], -force[:, 1], force[:, 1]], 1)
        actions.append(sides)
    return tuple(actions)


def scripted(context: AgentsContext, environment: str) -> float | None:
    """The team return of `assigned` in the test episodes; None where there is no such policy."""
    if environment != "simple_spread":
        return None
    seeds = episode_seeds(context, context.agents.comparison_episodes, "test")
    return play(context.world, seeds, assigned, context.agents.steps).returns.sum(1).mean().item()


def train(folder: Path, environment: str, variant: str, seed: int, epochs: int) -> dict[str, Any]:
    """One run, from where it stopped, and its figures."""
    run, kept = folder / f"{environment}-{variant}-{seed}", folder / f"{environment}-{variant}-{seed}.json"
    if kept.exists():
        found: dict[str, Any] = json.loads(kept.read_text())
        if len(found["curve"]) != epochs:
            raise SystemExit(f"{kept} is of {len(found['curve'])} epochs; give --epochs so, or another FOLDER")
        return found
    started, worked, resumed = time.monotonic(), time.process_time(), (run / "run.json").exists()
    if resumed:
        redheart.train(output=run, resume=True, progress=False)
    else:
        name = environment if environment == "village_life" else "pettingzoo"
        settings = {**COMMON, **ENVIRONMENTS[environment], **VARIANTS[variant]}
        redheart.train(
            name, output=run, enable=(name, "multi_agent"), settings=settings, epochs=epochs, seed=seed, progress=False
        )
    spent, wall = time.process_time() - worked, time.monotonic() - started
    session = open_agents(run, PluginChoice())
    manifests = read_manifests(session.run, session.context)
    first = next(iter(manifests.values()))
    chosen = find_sweetspot(session.run, list(manifests)).chosen("best")
    members = {group: Member(entry.epoch, entry.sha256) for group, entry in chosen.items()}
    played = compare_teams(session.run, session.context, members, "test")
    teams = {name: one.team.number for name, one in played.teams.items()}
    (common,) = (one for name, one in teams.items() if name.startswith("common"))
    playing = session.context.agents
    length = LifeSettings().steps if environment == "village_life" else CYCLES
    steps = playing.begin + epochs * (playing.episodes + playing.evaluation_episodes) * length
    figures = {
        "curve": [entry.metrics["multi_agent.team_return"] for entry in first.epochs],
        "epochs": {group: one.epoch for group, one in members.items()},
        "crossover": teams["crossover"],
        "common": common,
        "random": teams[RANDOM],
        "scripted": scripted(session.context, environment),
        "speed": None if resumed else steps / spent,
        "seconds": None if resumed else wall,
    }
    kept.write_text(json.dumps(figures))
    return figures


def with_interval(values: list[float], style: str = ".2f") -> str:
    """Mean and 95 % over seeds."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return format(mean, style)
    half = float(stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / len(values) ** 0.5)
    return f"{mean:{style}} [{mean - half:{style}}, {mean + half:{style}}]"


def show(environment: str, found: dict[str, list[dict[str, Any]]]) -> None:
    """Curves and teams, in the form of a Markdown table."""

    def row(runs: list[dict[str, Any]], key: str) -> str:
        return with_interval([unit(environment, one[key]) for one in runs])

    length = max(len(one["curve"]) for runs in found.values() for one in runs)
    print(f"\n| epoch | {' | '.join(found)} |\n|---{'|---' * len(found)}|")
    for epoch in range(length):
        cells = [with_interval([unit(environment, one["curve"][epoch]) for one in runs]) for runs in found.values()]
        print(f"| {epoch + 1} | {' | '.join(cells)} |")
    print("\n| variant | seeds | team of best epochs | common epoch | team less common | random | steps a second |")
    print("|---|---|---|---|---|---|---|")
    for variant, runs in found.items():
        gains = with_interval([unit(environment, one["crossover"] - one["common"]) for one in runs], "+.3f")
        speeds = [one["speed"] for one in runs if one["speed"] is not None]
        print(
            f"| {variant} | {len(runs)} | {row(runs, 'crossover')} | {row(runs, 'common')} | {gains} | "
            f"{row(runs, 'random')} | {f'{np.mean(speeds):.0f}' if speeds else '-'} |"
        )
    if environment == "village_life":
        life = settle(LifeSettings(persons=PERSONS))
        best, myopic = best_plan(life).episode_return, myopic_plan(life).episode_return
        print(f"\nexact: optimum {best:.3f}, myopic {myopic:.3f}")
    elif environment == "simple_spread":
        print(f"\nscripted: {row([one for runs in found.values() for one in runs], 'scripted')}")
        for variant, runs in found.items():
            there = ", ".join(f"{key} {with_interval([6 * one[key] - 225 for one in runs], '.0f')}" for key in KEYS)
            print(f"\n{variant}, in the rewards of Lowe et al. 2017: {there}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--environment", choices=list(ENVIRONMENTS), default="simple_spread")
    parser.add_argument("--variants", nargs="+", choices=list(VARIANTS), default=list(VARIANTS)[:-1])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=0, help="The first of the seeds.")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--only-print", action="store_true", help="train nothing, print what is finished")
    chosen = parser.parse_args()
    if "undecided" in chosen.variants and chosen.environment != "village_life":
        parser.error("undecided is of village_life alone; name other --variants")
    chosen.folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, list[dict[str, Any]]] = {}
    for variant in chosen.variants:
        for seed in range(chosen.first, chosen.first + chosen.seeds):
            kept = chosen.folder / f"{chosen.environment}-{variant}-{seed}.json"
            if chosen.only_print and not kept.exists():
                continue
            figures = train(chosen.folder, chosen.environment, variant, seed, chosen.epochs)
            found.setdefault(variant, []).append(figures)
            if not chosen.only_print:
                shown = " ".join(f"{unit(chosen.environment, one):.2f}" for one in figures["curve"])
                print(f"{variant}, seed {seed}: {shown} ({figures['seconds'] or 0:.0f} s)", flush=True)
    if not found:
        raise SystemExit(f"nothing of {chosen.environment} is finished in {chosen.folder}")
    show(chosen.environment, found)


if __name__ == "__main__":
    main()
