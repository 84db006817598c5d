"""The learning-rate sweep: one set of short trainings that gives every checkpoint group its own peak rate.

A candidate is one rate for all groups. As groups are islands, its short training is that of every group by itself, and
k candidates cost k short trainings however many groups there are. Tier by tier: a group reads the lower ones at the
rate chosen for them, seed 0, best short epoch, computed once.

Per group, stage and seed, all rates run side by side (redheart_core.tuning.short_runs). After each epoch of the first
seed, successive halving drops those of the worse half that are more than two standard errors behind
(redheart_core.tuning.rates); later seeds drop after their last epoch alone, since the ends of earlier ones say more
than their own beginnings. A rate that one seed has dropped is not run with the next. Halving judges before the schedule
has ended, so it can drop a rate that would have won; it never drops what noise between records can explain. What counts
is the loss after the last short epoch, where the schedule ends, averaged over the seeds, of the rates that were run to
the end with every seed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import attrs
import numpy as np
import tomli_w
from attrs.validators import deep_iterable, ge, gt, min_len

from redheart_core.exact.numbers import FloatArray
from redheart_core.groups.group import Group
from redheart_core.runs.describe import describe
from redheart_core.runs.run import RunFolder
from redheart_core.storage.files import make_folder, write_bytes
from redheart_core.storage.locks import locked, locked_groups
from redheart_core.storage.settings import as_table
from redheart_core.training.context import TrainingContext
from redheart_core.training.share import chosen_groups, groups_below
from redheart_core.tuning.known import Known
from redheart_core.tuning.rates import choose_rate, difference, hopeless, log_spaced, lowest
from redheart_core.tuning.short_runs import ShortRun, read_weights, run_rates, share_outputs, short_context
from redheart_core.tuning.sweep_journal import TIMING, Journal
from redheart_core.tuning.sweep_result import SWEEP, GroupSweep, Sweep, make_sweep

RATES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
COARSE = (1e-5, 1e-4, 1e-3, 1e-2)
FINER = ((10**-0.5, 10**0.5), (10**-0.25, 10**0.25))
"""Factors on the best rate so far that the second and third stage of a hierarchical sweep try."""

Progress = Callable[[str, int, int], None]


def _each_once(instance: object, attribute: attrs.Attribute[tuple[float, ...]], value: tuple[float, ...]) -> None:
    if len(set(value)) < len(value):
        raise ValueError(f"'rates' expects each rate once, got {value}")


@attrs.frozen
class SweepSettings:
    """What a sweep tries."""

    rates: tuple[float, ...] = attrs.field(default=RATES, validator=[min_len(1), deep_iterable(gt(0.0)), _each_once])
    """Of the first stage."""
    hierarchical: bool = False
    """Two finer stages around the best rate so far follow."""
    epochs: int = attrs.field(default=3, validator=ge(1))
    """Of a short training."""
    seeds: int = attrs.field(default=2, validator=ge(1))
    """The training's own seed and the ones after it."""
    halving: bool = True


@attrs.frozen(eq=False)
class _Work:
    """What all groups of a sweep share."""

    contexts: tuple[TrainingContext, ...]
    """One per seed."""
    settings: SweepSettings
    journal: Journal


def sweep(run: RunFolder, context: TrainingContext, settings: SweepSettings, progress: Progress | None = None) -> Sweep:
    """Find a learning rate for every group, from wherever an earlier process stopped.

    Writes sweep.json and groups.toml into the run's folder; what is finished is kept in sweep/, with its seconds in
    sweep/timing.json, as they are not the same twice.

    Args:
        run: Its folder; it need not hold a run.
        trainer: Of the training that the rates are for; its seed is seed 0.
        settings: What to try.
        progress: Called with each group's finished pieces of work.

    Raises:
        SettingsError: The short training would be longer than the training.
        CheckpointError: The folder holds a sweep that was begun otherwise, or a damaged one.
        DataError: There are too few validation records to choose on, or a group's losses are constant.
    """
    make_folder(run.path)
    with locked(run.path), _holding(run, [group.name for group in context.groups]):
        work = _begin(run, context, settings)
        found = _sweep_groups(work, context.groups, progress or _unseen)
        contexts = [one.settings for one in work.contexts]
        result = make_sweep(found, contexts, context.settings, as_table(settings))
        TIMING.write(run.path / "sweep" / "timing.json", work.journal.timing())
        SWEEP.write(run.path / "sweep.json", result)
        write_bytes(run.path / "groups.toml", tomli_w.dumps({"groups": result.tables()}).encode())
    return result


def sweep_part(
    run: RunFolder, context: TrainingContext, settings: SweepSettings, only: Sequence[str], wait_s: float = 0.0
) -> None:
    """Do the short trainings of some groups, so that a sweep in the same folder finds them done.

    Processes on several machines may do different groups. What is missing of the groups below is done too.

    Args:
        run: As for sweep, like context and settings.
        only: Names of the groups.
        wait_s: How long to wait for a group that another process holds.

    Raises:
        RedheartError: As sweep, or another process holds a group.
    """
    chosen = chosen_groups(context.groups, only)
    wanted = {group.name for group in (*groups_below(context.groups, chosen), *chosen)}
    make_folder(run.path)
    with _holding(run, only, wait_s):
        _sweep_groups(
            _begin(run, context, settings), [group for group in context.groups if group.name in wanted], _unseen
        )


def begin_sweep(run: RunFolder, context: TrainingContext, settings: SweepSettings) -> None:
    """Note what a sweep is about, or check that it goes on alike.

    Raises:
        RedheartError: As sweep.
    """
    make_folder(run.path)
    _begin(run, context, settings)


def _unseen(what: str, done: int, total: int) -> None:
    """Nobody watches."""


@contextmanager
def _holding(run: RunFolder, groups: Sequence[str], wait_s: float = 0.0) -> Iterator[None]:
    """Keep other processes from these groups of the sweep."""
    make_folder(run.path / "sweep")
    with locked_groups(run.path / "sweep", groups, wait_s):
        yield


def _begin(run: RunFolder, context: TrainingContext, settings: SweepSettings) -> _Work:
    first = context.settings.seed
    contexts = tuple(short_context(context, settings.epochs, first + number) for number in range(settings.seeds))
    journal = Journal(run.path / "sweep")
    journal.begin(
        describe(run.path, context.nodes, context.groups, context.settings, context.store), as_table(settings)
    )
    return _Work(contexts, settings, journal)


def _sweep_groups(work: _Work, groups: Sequence[Group], progress: Progress) -> list[GroupSweep]:
    """The groups, lower tiers first, with all that they read among them."""
    first = work.contexts[0]
    readers = {name for group in first.groups for name in group.reads}
    found: dict[str, GroupSweep] = {}
    for group in groups:
        missing = [name for name in group.reads if found[name].status == "failed"]
        if missing:
            found[group.name] = GroupSweep.without(group, "failed", f"it reads {', '.join(missing)}, which has no rate")
        elif group.fitted:
            found[group.name] = GroupSweep.without(group, "skipped", "it is fitted in closed form and has no rate")
            share_outputs(work.contexts, group, first.fit(group))
        elif first.trainer(group).optimizer is None:
            found[group.name] = GroupSweep.without(group, "skipped", "it has no parameters and no rate")
            share_outputs(work.contexts, group, first.module(group))
        else:
            known, epochs_saved = _sweep_group(work, group, group.name in readers, progress)
            complete = known.complete(work.settings.seeds)
            choice, updates = choose_rate(complete) if complete else None, first.trainer(group).updates_per_epoch
            found[group.name] = one = known.judged(group.name, group.tier, complete, choice, updates, epochs_saved)
            if one.chosen is not None and group.name in readers:
                weights = known.runs[one.chosen][0].best_weights
                share_outputs(work.contexts, group, read_weights(first, group, weights))
    return list(found.values())


def _sweep_group(work: _Work, group: Group, keep_weights: bool, progress: Progress) -> tuple[Known, int]:
    """All stages and seeds of a group; and the epochs that halving has saved."""
    settings, known, best, planned = work.settings, Known({}, []), None, 0
    for stage in range(1, 2 + (len(FINER) if settings.hierarchical else 0)):
        rates = tuple(sorted(settings.rates)) if stage == 1 else _finer(known, best, stage)
        if not rates:
            break
        known.stages.append(rates)
        planned += len(rates) * settings.seeds * settings.epochs
        for seed in range(settings.seeds):
            running = [rate for rate in rates if all(one.status == "finished" for one in known.runs.get(rate, []))]
            if not running:
                break
            for one in _run_seed(work, group, known, (stage, seed, running), keep_weights and seed == 0):
                known.runs.setdefault(one.rate, []).append(one)
            progress(f"sweep {group.name}", seed + 1, settings.seeds)
        complete = known.complete(settings.seeds)
        if not complete:
            break
        before, best = best, lowest(complete)
        if before is not None and not difference(complete[before], complete[best]).beyond(1.0):
            break
    return known, planned - sum(one.epochs for runs in known.runs.values() for one in runs)


def _finer(known: Known, best: float | None, stage: int) -> tuple[float, ...]:
    """Rates around the best of all so far that have not been tried."""
    assert best is not None
    return tuple(rate for rate in log_spaced(best, FINER[stage - 2]) if rate not in known.runs)


def _run_seed(
    work: _Work, group: Group, known: Known, unit: tuple[int, int, Sequence[float]], keep_weights: bool
) -> tuple[ShortRun, ...]:
    """One piece of work: a group's rates of a stage with one seed, read from the journal if it is there."""
    stage, seed, rates = unit
    done = work.journal.read(group.name, stage, seed)
    if done is not None:
        return done
    started = time.perf_counter()
    runs = run_rates(work.contexts[seed], group, rates, keep_weights, _halving(work.settings, known, seed))
    work.journal.write(group.name, stage, seed, runs, time.perf_counter() - started)
    return runs


def _halving(
    settings: SweepSettings, known: Known, seed: int
) -> Callable[[int, Mapping[float, FloatArray]], dict[float, str]]:
    """What to drop after an epoch: by the mean over the seeds so far, beside what earlier stages have found."""

    def drop(epoch: int, losses: Mapping[float, FloatArray]) -> dict[float, str]:
        ended = epoch == settings.epochs
        pointless = seed + 1 == settings.seeds if ended else seed > 0
        if not settings.halving or pointless or not losses:
            return {}
        so_far = {
            rate: np.stack([*(run.losses[epoch - 1] for run in known.runs.get(rate, [])), row])
            for rate, row in losses.items()
        }
        others = {rate: table for rate, table in known.after(epoch, seed + 1).items() if rate not in so_far}
        return {
            rate: f"{behind.mean:.5f} behind the best rate after epoch {epoch}, standard error {behind.error:.5f}"
            for rate, behind in hopeless({**others, **so_far}, so_far.keys()).items()
        }

    return drop
