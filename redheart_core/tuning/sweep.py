"""The learning-rate sweep: one set of short trainings that gives every checkpoint group its own peak rate.

A candidate is one rate for all groups. As groups are islands, its short training is that of every group by itself, and
k candidates cost k short trainings however many groups there are. Tier by tier: a group reads the lower ones at the
rate chosen for them, seed 0, best short epoch, computed once.

Per group, stage and seed, all rates run side by side (redheart_core.tuning.short_runs), or each somewhere else: what is
found is the same. After each epoch of the first seed, successive halving drops those of the worse half that are more
than two standard errors behind (redheart_core.tuning.rates); later seeds drop after their last epoch alone, since the
ends of earlier ones say more than their own beginnings. A rate that one seed has dropped is not run with the next.
Halving judges before the schedule has ended, so it can drop a rate that would have won; it never drops what noise
between records can explain. What counts is the loss after the last short epoch, where the schedule ends, averaged over
the seeds, of the rates that were run to the end with every seed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import attrs
import tomli_w

from redheart_core.exact.numbers import FloatArray
from redheart_core.groups.group import Group
from redheart_core.runs.run import RunFolder
from redheart_core.storage.files import make_folder, write_bytes
from redheart_core.storage.locks import locked
from redheart_core.storage.settings import as_table
from redheart_core.training.context import TrainingContext
from redheart_core.tuning.described import describe_training
from redheart_core.tuning.known import Known
from redheart_core.tuning.rates import choose_rate
from redheart_core.tuning.short_runs import ShortRun
from redheart_core.tuning.sweep_journal import TIMING, Journal
from redheart_core.tuning.sweep_result import SWEEP, GroupSweep, Sweep, make_sweep
from redheart_core.tuning.sweep_steps import Candidate, Step, SweepSettings, halving, next_step, take_step
from redheart_core.tuning.sweep_training import ShortTrainings

Progress = Callable[[str, int, int], None]


@attrs.define(eq=False)
class Sweeping:
    """A sweep in the making: what is known of every group, and what follows next."""

    settings: SweepSettings
    trainings: ShortTrainings
    _runs: dict[Candidate, ShortRun] = attrs.field(factory=dict, init=False)
    """Those of open steps."""
    _known: dict[str, Known] = attrs.field(factory=dict, init=False)
    """Of the groups with a rate that have begun."""
    _found: dict[str, GroupSweep] = attrs.field(factory=dict, init=False)

    def open(self) -> Iterator[tuple[Step, tuple[Candidate, ...]]]:
        """Per group that can go on, lower tiers first, its step and those of its candidates that are not finished.

        A group begins when those that it reads are done.
        """
        for group in self.trainings.groups:
            if group.name not in self._found and all(name in self._found for name in group.reads):
                yield from self._advance(group)

    def apart(self) -> list[Candidate]:
        """Every candidate that may be trained now by a process that does not see the others.

        Without halving these are the later seeds too: no loss decides about them, unless it is not finite.
        """
        found = []
        for step, left in self.open():
            later = () if self.settings.halving else range(step.seed + 1, self.settings.seeds)
            more = (one for seed in later for one in attrs.evolve(step, seed=seed).candidates(left[0].group))
            found += [*left, *(one for one in more if not self._is_finished(one))]
        return found

    def take(self, candidate: Candidate, run: ShortRun) -> None:
        """Take up a finished candidate."""
        self._runs[candidate] = run

    def chosen(self) -> dict[str, Candidate]:
        """By group that is done the candidate whose weights the groups above read."""
        return {
            name: Candidate(name, next(one.stage for one in found.rates if one.rate == rate), 0, rate)
            for name, found in self._found.items()
            if (rate := found.chosen) is not None
        }

    def train_side_by_side(self, progress: Progress) -> None:
        """Train all that is open in this process until nothing is; the rates of a step share their batches."""
        while (work := next(self.open(), None)) is not None:
            step, left = work
            whole = len(left) == len(step.rates)
            drop = halving(self.settings, self._known[left[0].group], step.seed) if whole else _none
            for candidate, run in zip(left, self.trainings.train(left, self.chosen(), drop), strict=True):
                self.take(candidate, run)
            progress(f"sweep {left[0].group}", step.seed + 1, self.settings.seeds)

    def groups(self) -> list[GroupSweep]:
        """What was found, lower tiers first, once nothing is open."""
        return [self._found[group.name] for group in self.trainings.groups]

    def _advance(self, group: Group) -> Iterator[tuple[Step, tuple[Candidate, ...]]]:
        """Take up what is finished of a group that begins or goes on; yields its step if there is one."""
        if group.name not in self._known:
            if (without := self._without(group)) is not None:
                self._found[group.name] = without
                return
            self._known[group.name] = Known({}, [])
        known = self._known[group.name]
        while (step := next_step(self.settings, known)) is not None:
            candidates = step.candidates(group.name)
            left = tuple(one for one in candidates if not self._is_finished(one))
            if left:
                yield step, left
                return
            take_step(self.settings, known, step, [self._runs.pop(one) for one in candidates])
        complete = known.complete(self.settings.seeds)
        choice = choose_rate(complete) if complete else None
        updates = self.trainings.contexts[0].updates_per_epoch(group)
        planned = sum(map(len, known.stages)) * self.settings.seeds * self.settings.epochs
        saved = planned - sum(one.epochs for runs in known.runs.values() for one in runs)
        self._found[group.name] = known.judged(group.name, group.tier, complete, choice, updates, saved)

    def _without(self, group: Group) -> GroupSweep | None:
        """What is said of a group that has no rate."""
        missing = [name for name in group.reads if self._found[name].status == "failed"]
        if missing:
            return GroupSweep.without(group, "failed", f"it reads {', '.join(missing)}, which has no rate")
        if group.fitted:
            return GroupSweep.without(group, "skipped", "it is fitted in closed form and has no rate")
        if not self.trainings.descends(group):
            return GroupSweep.without(group, "skipped", "it has no parameters and no rate")
        if group.settings.epochs == 0:
            return GroupSweep.without(group, "skipped", "it stays as it begins (epochs = 0) and has no rate")
        return None

    def _is_finished(self, candidate: Candidate) -> bool:
        if candidate not in self._runs:
            run = self.trainings.journal.read(candidate)
            if run is None:
                return False
            self._runs[candidate] = run
        return True


def sweep(
    run: RunFolder,
    context: TrainingContext,
    settings: SweepSettings,
    progress: Progress | None = None,
    training: Callable[[Sweeping], None] | None = None,
) -> Sweep:
    """Find a learning rate for every group, from wherever an earlier process stopped.

    Writes sweep.json and groups.toml into the run's folder; what is finished is kept in sweep/, with its seconds in
    sweep/timing.json, as they are not the same twice.

    Args:
        run: Its folder; it need not hold a run.
        context: Of the training that the rates are for; its seed is seed 0.
        settings: What to try.
        progress: Called with each group's finished seeds.
        training: Has every candidate that is open trained until none is, in place of this process.

    Raises:
        SettingsError: The short training would be longer than the training.
        CheckpointError: The folder holds a sweep that was begun otherwise, or a damaged one.
        DataError: There are too few validation records to choose on, or a group's losses are constant.
    """
    make_folder(run.path)
    with locked(run.path):
        trainings = ShortTrainings.of(context, settings, Journal(run.path / "sweep"))
        trainings.journal.begin(describe_training(run.path, context), as_table(settings))
        sweeping = Sweeping(settings, trainings)
        if training is None:
            sweeping.train_side_by_side(progress or _unseen)
        else:
            training(sweeping)
        short = [one.settings for one in trainings.contexts]
        result = make_sweep(sweeping.groups(), short, context.settings, as_table(settings))
        TIMING.write(run.path / "sweep" / "timing.json", trainings.journal.timing())
        SWEEP.write(run.path / "sweep.json", result)
        write_bytes(run.path / "groups.toml", tomli_w.dumps({"groups": result.tables()}).encode())
    return result


def _unseen(what: str, done: int, total: int) -> None:
    """Nobody watches."""


def _none(epoch: int, losses: Mapping[float, FloatArray]) -> dict[float, str]:
    """What is dropped where some of the rates are finished already: halving sees all of them when they are taken up."""
    return {}
