"""The comparison of all ways to make a model, repeated over seeds on the same test records and resamples."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

import attrs
import torch
from torch import Tensor

from redheart_core.evaluation.compared import Compared
from redheart_core.evaluation.variants import REFERENCE
from redheart_core.exact.bootstrap import interval, over_runs
from redheart_core.exact.interval import Interval
from redheart_core.storage.runtime import generator
from redheart_core.storage.sealed import SealedFile
from redheart_core.storage.structuring import unstructure

CHOICE = "validation's choice"
"""Of each seed the one method for all groups that validation alone prefers."""
JOINT = "joint training"
"""Everything that reads the text alone trained as one group, at its best epoch."""
ONE_RATE = "one rate, "
"""Before the variants of a training of the same seed with one learning rate for all groups."""


@attrs.frozen
class Row:
    """One variant over all seeds; with several, intervals hold the spread over seeds and over test records."""

    variant: str
    mean: Interval
    """Mean over seeds."""
    gain: Interval
    """Over the single best common epoch of the same seed, paired; of one rate for all groups, if that was trained."""
    seeds: tuple[float, ...]
    """The gain of each seed."""

    @property
    def deviation(self) -> float:
        """Standard deviation of the gain over seeds; 0 for one seed."""
        return statistics.stdev(self.seeds) if len(self.seeds) > 1 else 0.0


@attrs.frozen
class Repeated:
    """The table of a data set."""

    kind: str
    """"skill" or "points"."""
    rows: tuple[Row, ...]
    choices: tuple[str, ...]
    """The method that validation preferred, by seed."""

    def to_json(self) -> dict[str, Any]:
        table: dict[str, Any] = unstructure(self)
        return table

    def markdown(self) -> str:
        """The table for people, best gain first."""
        digits = 2 if self.kind == "points" else 4
        lines = [f"| variant | {self.kind} | over the best common epoch | deviation over seeds |", "|---|---|---|---|"]
        for row in sorted(self.rows, key=lambda row: -row.gain.number):
            gain = f"{row.gain.value:+.{digits}f} [{row.gain.low:+.{digits}f}, {row.gain.high:+.{digits}f}]"
            lines.append(f"| {row.variant} | {row.mean.value:.{digits}f} | {gain} | {row.deviation:.{digits}f} |")
        return "\n".join(lines) + "\n"


@attrs.frozen
class Tables:
    """crossover.json: the tables of a data set, one per kind of mean."""

    tables: tuple[Repeated, ...]


TABLES = SealedFile(Tables, "crossover", 1, "run redheart bench crossover again")


def repeat(
    kind: str, seeds: Sequence[Compared], joint: Sequence[Compared] = (), one_rate: Sequence[Compared] = ()
) -> Repeated:
    """Put the seeds of a data set together.

    Args:
        kind: "skill" or "points".
        seeds: Of each seed, on the same resamples.
        joint: Joint training with each seed; empty without.
        one_rate: Training with one learning rate for all groups; empty without.
    """
    means, choices = [one.means[kind] for one in seeds], [one.choice for one in seeds]
    names = [name for name in means[0] if all(name in overall for overall in means)]
    columns = {name: [overall[name] for overall in means] for name in names}
    columns[CHOICE] = [_chosen(one, kind) for one in seeds]
    if joint:
        columns[JOINT] = [one.means[kind]["crossover"] for one in joint]
    base = columns[REFERENCE]
    if one_rate:
        columns[ONE_RATE + CHOICE] = [_chosen(one, kind) for one in one_rate]
        base = columns[ONE_RATE + REFERENCE] = [one.means[kind][REFERENCE] for one in one_rate]
    return Repeated(kind, tuple(_row(name, column, base) for name, column in columns.items()), tuple(choices))


def _chosen(one: Compared, kind: str) -> tuple[float, Tensor]:
    return one.means[kind]["crossover" if one.choice == "selection" else one.choice]


def _row(name: str, column: Sequence[tuple[float, Tensor]], base: Sequence[tuple[float, Tensor]]) -> Row:
    gains = [value - other for (value, _), (other, _) in zip(column, base, strict=True)]
    draws, base_draws = (torch.stack([draws for _, draws in one]) for one in (column, base))
    mean = statistics.fmean(value for value, _ in column)
    return Row(
        name,
        interval(mean, _over_seeds(draws)),
        interval(statistics.fmean(gains), _over_seeds(draws - base_draws)),
        tuple(gains),
    )


def _over_seeds(draws: Tensor) -> Tensor:
    """(S, R) to (R,), on the same draws of seeds for every variant."""
    return over_runs(draws, generator("seeds", *draws.shape))
