"""Frozen value types of an evaluation on the test split."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs


@attrs.frozen
class Figure:
    """A number on the test split."""

    value: float
    low: float | None = None
    """95 % interval: percentiles of a bootstrap over records; None where there is none."""
    high: float | None = None


@attrs.frozen
class MetricTable:
    """One metric of one node for all variants and baselines."""

    metric: str
    """"node.metric"."""
    group: str
    direction: str
    main: bool
    """The node's first metric; it alone has intervals and gains."""
    records: int
    figures: Mapping[str, Figure]
    gains: Mapping[str, Figure]
    """How much better each variant is than the single best common epoch, with the interval of the paired difference;
    above 0 is better, whatever the direction."""
    beats_constant: bool
    """The crossover is better than the constant predictor beyond the paired bootstrap's 95 % interval."""
    ceiling: float | None = None
    """The best that the disagreement of the people who voted allows, where the target is votes."""

    def best_of(self, names: tuple[str, ...]) -> float:
        """The best value among some variants."""
        values = [self.figures[name].value for name in names]
        return max(values) if self.direction == "max" else min(values)


@attrs.frozen
class Evaluation:
    """evaluation.json: all figures of the test split."""

    variants: tuple[str, ...]
    """Ways to make a model of the epochs, then the baselines."""
    tables: tuple[MetricTable, ...]
    losses: Mapping[str, Mapping[str, float]]
    """Variant to group to test loss."""
    skill: Mapping[str, Figure]
    """Variant to mean skill over the nodes' main metrics: 0 is the constant predictor, 1 is perfect."""
    skill_gains: Mapping[str, Figure]
    """How much higher the mean skill is than that of the single best common epoch, paired."""
    points: Mapping[str, Figure]
    """Variant to 100 times the mean main metric, over the nodes whose main metric is best at 1; empty if none is."""
    point_gains: Mapping[str, Figure]
    """The same less that of the single best common epoch, paired."""
    best_method: str
    """The method that validation alone prefers for all groups together."""
    refits: Mapping[str, Mapping[str, tuple[float, float]]]
    """Variant to group that is fitted in closed form on others: validation loss before and after it was fitted again
    on what the variant made of these."""
    test_records: int
    test_reads: int
    """How often the test split of this run has been read, this time included."""

    @property
    def main(self) -> tuple[MetricTable, ...]:
        """The nodes' main metrics."""
        return tuple(table for table in self.tables if table.main)

    @property
    def models(self) -> tuple[str, ...]:
        """The variants that have losses; baselines have none."""
        return tuple(name for name in self.variants if name in self.losses)

    def to_json(self) -> dict[str, Any]:
        table: dict[str, Any] = json.loads(json.dumps(attrs.asdict(self)))
        return table
