"""Frozen value types of an evaluation on the test split."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from redheart_core.evaluation.calibrated import Bin, CalibratedTask
from redheart_core.exact.interval import Interval
from redheart_core.storage.html_table import html_table
from redheart_core.storage.sealed import SealedFile
from redheart_core.storage.structuring import unstructure


@attrs.frozen
class MetricTable:
    """One metric of one node for all variants and baselines."""

    metric: str
    """"node.metric"."""
    group: str
    direction: str
    main: bool
    """The node's first metric on its field. Main ones and those on votes have intervals and gains, others values."""
    records: int
    figures: Mapping[str, Interval]
    gains: Mapping[str, Interval]
    """How much better each variant is than the single best common epoch, with the interval of the paired difference;
    above 0 is better, whatever the direction."""
    beats_constant: bool
    """The crossover is better than the constant predictor beyond the paired bootstrap's 95 % interval."""
    ceiling: float | None = None
    """The best that the disagreement of the people who voted allows, where the target is votes."""
    ceiling_reason: str = ""
    """Why there is no ceiling although the target is votes."""
    field: str = ""
    """What it is about; empty in an evaluation of before it was kept."""

    @property
    def metric_of_field(self) -> str:
        """The metric with what it is about, as far as that is known."""
        return f"{self.metric} of {self.field}" if self.field else self.metric

    def best_of(self, names: tuple[str, ...]) -> float | None:
        """The best value among some variants; None if all are undefined."""
        values = [value for name in names if (value := self.figures[name].value) is not None]
        return (max(values) if self.direction == "max" else min(values)) if values else None


@attrs.frozen
class Confusion:
    """The label that is true by the label that is predicted."""

    labels: tuple[str, ...]
    """In the order of the field; of many the ones that are most often true."""
    counts: tuple[tuple[int, ...], ...]
    """A row for each true label, a column for each predicted one."""
    left_out: int
    """Records whose true or predicted label is none of these."""


@attrs.frozen
class Disagreement:
    """How far the members of an ensemble are apart, and whether that shows where it is wrong."""

    mean: float
    """Standard deviation over members, in the unit of the output; mean over numbers and records."""
    rank_correlation: float | None
    """Spearman's, over records, of the disagreement with the absolute error; None if either is constant."""
    records: int


@attrs.frozen
class Diagnosis:
    """What lies behind a main metric."""

    metric: str
    """"node.metric"."""
    reliability: tuple[Bin, ...] = ()
    """Bins of the crossover's predictions, from low to high, without empty ones; none for plain values."""
    confusion: Confusion | None = None
    """Of the crossover, for distributions and votes."""
    disagreement: Mapping[str, Disagreement] = attrs.field(factory=dict)
    """By ensemble."""


@attrs.frozen
class Evaluation:
    """evaluation.json: all figures of the test split."""

    variants: tuple[str, ...]
    """Ways to make a model of the epochs, then the baselines."""
    tables: tuple[MetricTable, ...]
    losses: Mapping[str, Mapping[str, float]]
    """Variant to group to test loss."""
    skill: Mapping[str, Interval]
    """Variant to mean skill over nodes, of each over its main metrics: 0 is the constant predictor, 1 is perfect, or
    the best that the disagreement of the raters allows."""
    skill_gains: Mapping[str, Interval]
    """How much higher the mean skill is than that of the single best common epoch, paired."""
    points: Mapping[str, Interval]
    """Variant to 100 times the mean main metric, likewise, over those that are best at 1; empty if none is."""
    point_gains: Mapping[str, Interval]
    """The same less that of the single best common epoch, paired."""
    best_method: str
    """The method that validation alone prefers for all groups together."""
    refits: Mapping[str, Mapping[str, tuple[float, float]]]
    """Variant to group that is fitted in closed form on others: validation loss before and after it was fitted again
    on what the variant made of these."""
    test_records: int
    test_reads: int
    """How often the test split of this run has been read, this time included."""
    diagnostics: tuple[Diagnosis, ...] = ()
    """One per main metric."""
    left_out: Mapping[str, str] = attrs.field(factory=dict)
    """"NODE on FIELD" to why it does not count in the mean skill."""
    missing: Mapping[str, str] = attrs.field(factory=dict)
    """Groups of the run that the evaluated model leaves out, with the reason; no figure is of them."""
    stopped: Mapping[str, str] = attrs.field(factory=dict)
    """Groups whose plugins failed on the test split, with the reason; no figure is of them."""
    calibrated: tuple[CalibratedTask, ...] = ()
    """By field and language; none of a model that was not calibrated."""
    model: str = ""
    """The way from the run to the folder of the model; empty where no model was assembled."""
    model_sha256: str = ""
    """SHA-256 of the model's manifest, which tells it from every other one."""

    @property
    def main(self) -> tuple[MetricTable, ...]:
        """The first metric of each node on each field that it answers."""
        return tuple(table for table in self.tables if table.main)

    @property
    def models(self) -> tuple[str, ...]:
        """The variants that have losses; baselines have none."""
        return tuple(name for name in self.variants if name in self.losses)

    def _repr_html_(self) -> str:
        rows = [(name, self.skill[name].in_words(), self.skill_gains[name].in_words("+")) for name in self.variants]
        return html_table(("variant on test", "mean skill", "over the best common epoch"), rows)

    def to_json(self) -> dict[str, Any]:
        """As in evaluation.json."""
        table: dict[str, Any] = unstructure(self)
        return table


EVALUATION = SealedFile(Evaluation, "evaluation", 7, "run redheart evaluate again")
