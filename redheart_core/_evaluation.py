"""Frozen value types of an evaluation on the test split."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs


@attrs.frozen
class Figure:
    """One metric of one variant on the test split."""

    value: float
    low: float
    high: float
    """95 % interval: percentiles of a bootstrap over records."""


@attrs.frozen
class MetricTable:
    """One metric of one node for all variants and baselines."""

    metric: str
    """"node.metric"."""
    group: str
    direction: str
    main: bool
    """The node's first metric."""
    records: int
    figures: Mapping[str, Figure]
    beats_constant: bool
    """The crossover is better than the constant predictor beyond the paired bootstrap's 95 % interval."""

    def best_of(self, names: tuple[str, ...]) -> float:
        """The best value among some variants."""
        values = [self.figures[name].value for name in names]
        return max(values) if self.direction == "max" else min(values)


@attrs.frozen
class Evaluation:
    """evaluation.json: all figures of the test split."""

    variants: tuple[str, ...]
    """Ways to choose epochs, then the baselines."""
    tables: tuple[MetricTable, ...]
    losses: Mapping[str, Mapping[str, float]]
    """Variant to group to test loss."""
    skill: Mapping[str, float]
    """Variant to mean skill over the nodes' main metrics: 0 is the constant predictor, 1 is perfect."""
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
