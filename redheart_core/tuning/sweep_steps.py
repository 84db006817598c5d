"""What a sweep tries of a group, step by step; nothing here trains.

Steps follow from losses alone. Halving asks after each epoch which rates are hopeless by the losses of all rates up to
it, so that it says the same of rates that were trained side by side, epoch by epoch, and of rates each of which was
trained to its end somewhere else and is cut where halving would have stopped it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import attrs
import numpy as np
from attrs.validators import deep_iterable, ge, gt, min_len

from redheart_core.exact.numbers import FloatArray
from redheart_core.tuning.known import Known
from redheart_core.tuning.rates import difference, hopeless, log_spaced, lowest
from redheart_core.tuning.short_runs import ShortRun

RATES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
COARSE = (1e-5, 1e-4, 1e-3, 1e-2)
FINER = ((10**-0.5, 10**0.5), (10**-0.25, 10**0.25))
"""Factors on the best rate so far that the second and third stage of a hierarchical sweep try."""


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


@attrs.frozen
class Candidate:
    """A short training: a group at a rate with a seed."""

    group: str
    stage: int
    """From 1."""
    seed: int
    """From 0, which is the training's own."""
    rate: float

    def __str__(self) -> str:
        return f"{self.group}/stage-{self.stage}-seed-{self.seed}-rate-{self.rate!r}"


@attrs.frozen
class Step:
    """The rates of a stage that are trained with one seed, and compared with one another."""

    stage: int
    """From 1."""
    seed: int
    """From 0."""
    rates: tuple[float, ...]
    """Ascending."""

    def candidates(self, group: str) -> tuple[Candidate, ...]:
        return tuple(Candidate(group, self.stage, self.seed, rate) for rate in self.rates)


def next_step(settings: SweepSettings, known: Known) -> Step | None:
    """What follows from what is known of a group; None at the end."""
    if not known.stages:
        return Step(1, 0, tuple(sorted(settings.rates)))
    stage, rates = len(known.stages), known.stages[-1]
    seed = max(len(known.runs[rate]) for rate in rates)
    running = tuple(rate for rate in rates if all(one.status == "finished" for one in known.runs[rate]))
    if running and seed < settings.seeds:
        return Step(stage, seed, running)
    complete = known.complete(settings.seeds)
    if not complete or not settings.hierarchical or stage > len(FINER):
        return None
    best, before = lowest(complete), {rate: losses for rate, losses in complete.items() if rate not in rates}
    if before and not difference(complete[lowest(before)], complete[best]).beyond(1.0):
        return None
    finer = tuple(rate for rate in log_spaced(best, FINER[stage - 1]) if rate not in known.runs)
    return Step(stage + 1, 0, finer) if finer else None


def take_step(settings: SweepSettings, known: Known, step: Step, runs: Sequence[ShortRun]) -> None:
    """Take up the short trainings of a step, one per rate, each at least as long as halving lets it be."""
    if step.seed == 0:
        known.stages.append(step.rates)
    for one in halved(runs, halving(settings, known, step.seed)):
        known.runs.setdefault(one.rate, []).append(one)


def halving(
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


def halved(
    runs: Sequence[ShortRun], drop: Callable[[int, Mapping[float, FloatArray]], Mapping[float, str]]
) -> list[ShortRun]:
    """Short trainings as they are if each ends at the epoch after which it is dropped."""
    dropped: dict[float, ShortRun] = {}
    for epoch in range(1, 1 + max(one.epochs for one in runs)):
        running = {one.rate: one for one in runs if one.rate not in dropped and one.epochs >= epoch}
        for rate, reason in drop(epoch, {rate: one.losses[epoch - 1] for rate, one in running.items()}).items():
            ended = attrs.evolve(running[rate], status="dropped", reason=reason, losses=running[rate].losses[:epoch])
            dropped[rate] = ended
    return [dropped.get(one.rate, one) for one in runs]
