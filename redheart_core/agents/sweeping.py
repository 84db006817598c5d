"""The learning-rate sweep of agents: short trainings of all of them together.

Agents are not independent, so that a candidate is one rate for all, and k rates cost k short trainings. What counts is
the return of the episodes after the last short epoch, over the seeds. All together choose the common rate: the highest
sum of returns. An agent departs from it only where it got more at another rate, by more than a standard error. As it
was then among agents of that rate, those who depart are trained once more among the others, and the rates are taken
only if all together get more that way, beyond a standard error; else all keep the common rate. Where agents play
against each other a sum says nothing: each takes the rate at which it got most, and nothing of that is checked.

Every short training is a run in the folder of the sweep, so that it goes on where it was stopped, to the same bits.
Halving drops a rate for later seeds if it is hopeless for every agent (redheart_core.tuning.rates).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import attrs
import numpy as np
import tomli_w

from redheart_core.agents.acting import episode_seeds, play_at_random
from redheart_core.agents.context import AgentsContext
from redheart_core.agents.loop import train_agents
from redheart_core.agents.progress import drop_state
from redheart_core.agents.teams import Opposition, opposition
from redheart_core.config.tables import GroupSettings
from redheart_core.discovery.calls import Hooks
from redheart_core.discovery.offers import plugin_manager
from redheart_core.exact.numbers import FloatArray
from redheart_core.runs.description import RunDescription
from redheart_core.runs.manifest import GroupManifest
from redheart_core.runs.run import RunFolder
from redheart_core.storage.files import make_folder, write_bytes
from redheart_core.storage.locks import locked
from redheart_core.storage.settings import as_table
from redheart_core.tuning.known import Known
from redheart_core.tuning.rates import RateChoice, choose_rate, difference, hopeless, log_spaced, lowest
from redheart_core.tuning.short_runs import ShortRun, short_settings, short_table
from redheart_core.tuning.sweep import Progress
from redheart_core.tuning.sweep_journal import Journal
from redheart_core.tuning.sweep_result import SWEEP, CommonRate, Company, Sweep
from redheart_core.tuning.sweep_steps import FINER, SweepSettings

AROUND = (0.1, 10**-0.5, 1.0, 10**0.5)
"""Factors on the rate of the training: what is tried if nobody says."""
DECADES = (0.01, 0.1, 1.0, 10.0)
"""The same of the first stage of a hierarchical sweep."""
DONE = ("finished", "stopped")

Describe = Callable[[AgentsContext], RunDescription]
Losses = Mapping[float, FloatArray]
"""Rate to (S, N): returns with the sign changed, by seed and episode."""


def usual_rates(learning_rate: float, hierarchical: bool) -> tuple[float, ...]:
    """What is tried first if nobody says, for a training with this rate."""
    return log_spaced(learning_rate, DECADES if hierarchical else AROUND)


def sweep_agents(
    run: RunFolder, context: AgentsContext, settings: SweepSettings, describe: Describe, progress: Progress
) -> Sweep:
    """Find a learning rate for every agent, from wherever an earlier process stopped.

    Writes sweep.json and groups.toml into the run's folder; the short trainings are kept in sweep/.

    Args:
        run: Its folder; it need not hold a run.
        context: Of the training that the rates are for; its seed is seed 0.
        settings: What to try.
        describe: What run.json says of a training.
        progress: Called with the finished short trainings.

    Raises:
        SettingsError: The short training would be longer than the training.
        CheckpointError: The folder holds a sweep that was begun otherwise, or a damaged one.
    """
    make_folder(run.path)
    with locked(run.path):
        shorts = tuple(_short(context, settings.epochs, number) for number in range(settings.seeds))
        Journal(run.path / "sweep").begin(describe(context), as_table(settings))
        result = _Work(run, context, shorts, settings, describe, progress).find()
        SWEEP.write(run.path / "sweep.json", result)
        write_bytes(run.path / "groups.toml", tomli_w.dumps({"groups": result.tables()}).encode())
    return result


def _short(context: AgentsContext, epochs: int, number: int) -> AgentsContext:
    """A short training with the seed after so many others, which keeps every epoch."""
    training = short_settings(context.training, epochs, context.training.seed + number)
    tables = {name: short_table(one, context.training, epochs) for name, one in context.groups.items()}
    return attrs.evolve(context, training=attrs.evolve(training, keep_epochs=0), groups=tables)


@attrs.define(eq=False)
class _Work:
    """A sweep in the making."""

    run: RunFolder
    context: AgentsContext
    shorts: tuple[AgentsContext, ...]
    """One per seed."""
    settings: SweepSettings
    describe: Describe
    progress: Progress
    known: dict[str, Known] = attrs.field(init=False)
    saved: int = attrs.field(init=False, default=0)
    """Epochs, by halving and faults."""

    def __attrs_post_init__(self) -> None:
        self.known = {group: Known({}, []) for group in self.context.world.groups}

    def find(self) -> Sweep:
        """All stages and seeds, and what follows from them."""
        self.try_rates()
        losses = {group: known.complete(self.settings.seeds) for group, known in self.known.items()}
        choices, common, company = dict[str, RateChoice](), CommonRate(None, "no rate is complete", (), {}, None), None
        if rates := tuple(sorted(losses[self.context.world.groups[0]])):
            opposed, before = self.opposition(), self.context.training.learning_rate
            shared = None if opposed else _unless_better(_together(losses), before)
            reason = opposed.words if opposed else ""
            common = CommonRate(shared, reason, rates, {}, None)
            kept = before if shared is None else shared
            choices = {group: choose_rate(found, _unless_better(found, kept)) for group, found in losses.items()}
            own = {group: choice.chosen for group, choice in choices.items()}
            if shared is not None and set(own.values()) != {shared}:
                company = self.company(own, _together(losses)[shared])
                if not company.taken:
                    choices = {group: choose_rate(found, shared) for group, found in losses.items()}
        updates = self.context.updates_per_epoch
        groups = [
            known.judged(group, 0, losses[group], choices.get(group), updates, self.saved)
            for group, known in self.known.items()
        ]
        return Sweep(
            settings=as_table(self.settings),
            training=self.context.training,
            short=tuple(one.training for one in self.shorts),
            groups=tuple(groups),
            common=common,
            environment=self.context.world.name,
            company=company,
        )

    def try_rates(self) -> None:
        """Every stage's rates with every seed."""
        settings, best = self.settings, dict[str, float]()
        for stage in range(1, 2 + (len(FINER) if settings.hierarchical else 0)):
            rates = tuple(sorted(settings.rates)) if stage == 1 else self.finer(best, stage)
            if not rates:
                break
            for known in self.known.values():
                known.stages.append(rates)
            for seed in range(settings.seeds):
                self.try_seed(rates, seed)
            before, best = best, self.best()
            if not best or (before and not self.better(before, best)):
                break

    def try_seed(self, rates: Sequence[float], seed: int) -> None:
        """The rates that no earlier seed has dropped, with another one."""
        running = [rate for rate in rates if self.lives(rate)]
        self.saved += (len(rates) - len(running)) * self.settings.epochs
        for number, rate in enumerate(running, 1):
            found = self.train(f"rate-{rate!r}", dict.fromkeys(self.known, rate), seed)
            for group, one in found.items():
                self.known[group].runs.setdefault(rate, []).append(one)
                if group == self.context.world.groups[0]:
                    self.saved += self.settings.epochs - one.epochs
            self.progress(f"sweep, seed {seed + 1} of {self.settings.seeds}", number, len(running))
        if self.settings.halving and seed + 1 < self.settings.seeds:
            self.drop([rate for rate in running if self.lives(rate)], seed + 1)

    def lives(self, rate: float) -> bool:
        """Whether no seed has dropped a rate, and none has stopped with it."""
        runs = next(iter(self.known.values())).runs.get(rate, [])
        return all(one.status == "finished" for one in runs)

    def drop(self, rates: Sequence[float], seeds: int) -> None:
        """Mark the rates that are hopeless for every agent after so many seeds."""
        last = self.settings.epochs
        behind = [hopeless(known.after(last, seeds), rates) for known in self.known.values()]
        for rate in set.intersection(*(set(found) for found in behind)):
            for known, found in zip(self.known.values(), behind, strict=True):
                reason = f"{found[rate].mean:.5f} less than the best rate, standard error {found[rate].error:.5f}"
                known.runs[rate][-1] = attrs.evolve(known.runs[rate][-1], status="dropped", reason=reason)

    def best(self) -> dict[str, float]:
        """The best rate of each agent so far; empty if none is complete."""
        found = {group: known.complete(self.settings.seeds) for group, known in self.known.items()}
        return {group: lowest(losses) for group, losses in found.items() if losses}

    def better(self, before: Mapping[str, float], best: Mapping[str, float]) -> bool:
        """Whether a finer stage has given any agent more, beyond noise."""
        found = {group: known.complete(self.settings.seeds) for group, known in self.known.items()}
        return any(
            difference(found[group][before[group]], found[group][rate]).beyond(1.0) for group, rate in best.items()
        )

    def finer(self, best: Mapping[str, float], stage: int) -> tuple[float, ...]:
        """Rates around the best one of any agent that have not been tried."""
        tried = next(iter(self.known.values())).runs
        around = {rate for centre in best.values() for rate in log_spaced(centre, FINER[stage - 2])}
        return tuple(sorted(around - set(tried)))

    def train(self, name: str, rates: Mapping[str, float], seed: int) -> dict[str, ShortRun]:
        """A short training with these rates, finished if an earlier process has not done so."""
        short, folder = self.shorts[seed], RunFolder(self.run.path / "sweep" / f"{name}-seed-{seed}")
        tables = {group: short.groups.get(group, GroupSettings()) for group in self.known}
        tables = {group: attrs.evolve(table, learning_rate=rates[group]) for group, table in tables.items()}
        context = attrs.evolve(short, groups=tables)
        if not folder.exists or any(folder.group(group).read().status not in DONE for group in self.known):
            train_agents(folder, context, self.describe(context), Hooks(plugin_manager().hook))
        drop_state(folder)
        manifests = {group: folder.group(group).read() for group in self.known}
        return {group: _short_run(folder, rates[group], manifest) for group, manifest in manifests.items()}

    def company(self, rates: Mapping[str, float], common: FloatArray) -> Company:
        """Train all once more, each at its own rate.

        Args:
            rates: By group.
            common: (S, N) of all together at the common rate.
        """
        name, runs = "own-" + "-".join(f"{rate!r}" for rate in rates.values()), list[dict[str, ShortRun]]()
        for seed in range(self.settings.seeds):
            runs.append(self.train(name, rates, seed))
            self.progress("sweep, each at its own rate", seed + 1, self.settings.seeds)
            stopped = next((one.reason for one in runs[-1].values() if one.status != "finished"), None)
            if stopped is not None:
                return Company(rates, {}, None, stopped)
        returns = {group: -np.stack([found[group].losses[-1] for found in runs]) for group in rates}
        gain = difference(sum(returns.values(), np.zeros_like(common)), -common)
        return Company(rates, {group: float(one.mean()) for group, one in returns.items()}, gain, "")

    def opposition(self) -> Opposition | None:
        """Whether agents play against each other, as in teams."""
        seeds = episode_seeds(self.context, self.context.agents.comparison_episodes, "sweep")
        return opposition(self.context.world.groups, play_at_random(self.context, seeds).returns)


def _short_run(folder: RunFolder, rate: float, manifest: GroupManifest) -> ShortRun:
    kept = folder.group(manifest.group)
    losses = [kept.losses(entry).double().numpy() for entry in manifest.epochs]
    return ShortRun(
        rate=rate,
        status="finished" if manifest.status == "finished" else "stopped",
        reason=manifest.reason,
        losses=np.stack(losses) if losses else np.zeros((0, 0)),
        start=None,
        best_weights={},
        seconds=0.0,
    )


def _together(losses: Mapping[str, Losses]) -> dict[float, FloatArray]:
    """The losses of all agents together at each rate, (S, N)."""
    every = list(losses.values())
    return {rate: np.sum([found[rate] for found in every], axis=0) for rate in every[0]}


def _unless_better(losses: Losses, rate: float) -> float:
    """A rate, unless it was not run to the end or another one is better beyond noise: the best one then."""
    best = lowest(losses)
    return best if rate not in losses or difference(losses[rate], losses[best]).beyond(1.0) else rate
