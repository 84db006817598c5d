"""The comparison of all ways to make a model, repeated over seeds on the same test records and resamples."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from typing import Any

import attrs
import torch
from torch import Tensor

from redheart_core._evaluation import Figure
from redheart_core.bootstrap import interval
from redheart_core.evaluation import Overall
from redheart_core.variants import REFERENCE

CHOICE = "validation's choice"
"""Of each seed the one method for all groups that validation alone prefers."""
JOINT = "joint training"
"""Everything that reads the text alone trained as one group, at its best epoch."""
ONE_RATE = "one rate, "
"""Before the variants of a training of the same seed with one learning rate for all groups."""


@attrs.frozen
class Row:
    """One variant over all seeds."""

    variant: str
    mean: Figure
    """Mean over seeds; the interval is that of the test records."""
    gain: Figure
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
        table: dict[str, Any] = json.loads(json.dumps(attrs.asdict(self)))
        return table

    def markdown(self) -> str:
        """The table for people, best gain first."""
        digits = 2 if self.kind == "points" else 4
        lines = [f"| variant | {self.kind} | over the best common epoch | deviation over seeds |", "|---|---|---|---|"]
        for row in sorted(self.rows, key=lambda row: -row.gain.value):
            gain = f"{row.gain.value:+.{digits}f} [{row.gain.low:+.{digits}f}, {row.gain.high:+.{digits}f}]"
            lines.append(f"| {row.variant} | {row.mean.value:.{digits}f} | {gain} | {row.deviation:.{digits}f} |")
        return "\n".join(lines) + "\n"


def repeat(
    kind: str,
    seeds: Sequence[Overall],
    choices: Sequence[str],
    joint: Sequence[Overall] = (),
    one_rate: Sequence[Overall] = (),
    one_rate_choices: Sequence[str] = (),
) -> Repeated:
    """Put the seeds of a data set together.

    Args:
        kind: "skill" or "points".
        seeds: For each seed what evaluate_with_draws gave of that kind, on the same resamples.
        choices: For each seed the method that validation preferred.
        joint: For each seed the same of joint training; empty without.
        one_rate: The same of training with one learning rate for all groups; empty without.
        one_rate_choices: The method that validation preferred there.
    """
    names = [name for name in seeds[0] if all(name in overall for overall in seeds)]
    columns = {name: [overall[name] for overall in seeds] for name in names}
    columns[CHOICE] = _chosen(seeds, choices)
    if joint:
        columns[JOINT] = [overall["crossover"] for overall in joint]
    base = columns[REFERENCE]
    if one_rate:
        columns[ONE_RATE + CHOICE] = _chosen(one_rate, one_rate_choices)
        base = [overall[REFERENCE] for overall in one_rate]
        columns[ONE_RATE + REFERENCE] = base
    return Repeated(kind, tuple(_row(name, column, base) for name, column in columns.items()), tuple(choices))


def _chosen(seeds: Sequence[Overall], choices: Sequence[str]) -> list[tuple[float, Tensor]]:
    picked = ["crossover" if choice == "selection" else choice for choice in choices]
    return [overall[name] for overall, name in zip(seeds, picked, strict=True)]


def _row(name: str, column: Sequence[tuple[float, Tensor]], base: Sequence[tuple[float, Tensor]]) -> Row:
    gains = [value - other for (value, _), (other, _) in zip(column, base, strict=True)]
    draws, base_draws = (torch.stack([draws for _, draws in one]).mean(0) for one in (column, base))
    mean = statistics.fmean(value for value, _ in column)
    return Row(
        name,
        interval(mean, draws),
        interval(statistics.fmean(gains), draws - base_draws),
        tuple(gains),
    )
