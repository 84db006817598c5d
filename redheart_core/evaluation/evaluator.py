"""Metrics of everything that is compared on the test split, with intervals and paired gains."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping

import attrs
import torch
from torch import Tensor

from redheart_core.contract.errors import UndefinedError
from redheart_core.contract.nodes import Metric
from redheart_core.evaluation.diagnostics import diagnose
from redheart_core.evaluation.results import Diagnosis, MetricTable
from redheart_core.evaluation.variants import REFERENCE, Predicted
from redheart_core.exact.bootstrap import Draws, interval
from redheart_core.exact.interval import Interval
from redheart_core.groups.figures import Limits, choose_thresholds, drawn_figures, figure
from redheart_core.groups.group_module import GroupModule
from redheart_core.groups.objective import evaluated_rows
from redheart_core.inspection.baselines import baseline_predictions
from redheart_core.inspection.ceilings import ceiling
from redheart_core.storage.runtime import generator
from redheart_core.training.context import TrainingContext
from redheart_core.training.group_trainer import FAULTS

Overall = Mapping[str, tuple[float, Tensor]]
"""Variant to its mean over nodes, and that on every resample, (S,) float64."""


@attrs.frozen(eq=False)
class Scores:
    """A node's first metric on a field by variant, on all records and on every resample, turned so that more is
    better."""

    direction: str
    figures: Mapping[str, Interval]
    draws: Mapping[str, Tensor]
    perfect: float
    """1 or 0 by the direction, or what the disagreement of the raters allows at best."""

    @property
    def obstacle(self) -> str:
        """Why the field counts in no mean: a variant has no value, or its skill does not differ from a constant's."""
        missing = [f"{name}: {one.reason}" for name, one in self.figures.items() if one.value is None]
        if missing:
            return missing[0]
        return "the constant predictor is perfect" if self.figures["constant"].value == self.perfect else ""

    def turned(self, kind: str, name: str) -> tuple[float, Tensor] | None:
        """The metric as "skill", 0 for the constant predictor and 1 for the best attainable one, or in "points", 100
        times the metric itself. None if there is an obstacle, and in points if the metric is not best at 1."""
        if self.obstacle:
            return None
        if kind == "points":
            return (100 * self.figures[name].number, 100 * self.draws[name]) if self.direction == "max" else None
        constant, constants = self.figures["constant"].number, self.draws["constant"]
        return (
            (self.figures[name].number - constant) / (self.perfect - constant),
            (self.draws[name] - constants) / torch.where(constants == self.perfect, math.nan, self.perfect - constants),
        )


def paired(figures: Mapping[str, Interval], draws: Mapping[str, Tensor], name: str, base: str, sign: float) -> Interval:
    """How much better a variant is than another one, with the interval of the paired difference."""
    for one in (figures[name], figures[base]):
        if one.value is None:
            return one
    return interval(sign * (figures[name].number - figures[base].number), sign * (draws[name] - draws[base]))


def mean_part(parts: Iterable[tuple[float, Tensor] | None]) -> tuple[float, Tensor] | None:
    """The mean of the values and of their resamples that there are; None if there are none."""
    there = [part for part in parts if part is not None]
    if not there:
        return None
    return sum(value for value, _ in there) / len(there), torch.stack([draws for _, draws in there]).mean(0)


class Evaluator:
    """Metrics of all variants and baselines over the same records and resamples."""

    def __init__(
        self,
        context: TrainingContext,
        modules: Mapping[str, GroupModule],
        predicted: Mapping[str, Predicted],
        rows: Tensor,
    ) -> None:
        self.context, self.predicted, self.rows = context, predicted, rows
        self.modules = dict(modules)
        """Of the groups that are evaluated."""
        self.stopped: dict[str, str] = {}
        """Groups whose metrics fail, with the reason."""
        self.draws = Draws(context.store.clusters_of(rows), generator("bootstrap", len(rows)))
        self.validation = context.store.rows("validation")
        names = sorted({metric.target for _, _, metric in self.metrics()})
        fields = [context.store.fields[name] for name in names]
        self.baselines = baseline_predictions(context.store, fields, (self.validation, rows))
        self.scores: dict[str, dict[str, Scores]] = {}
        """By node and field."""

    def metrics(self) -> Iterator[tuple[str, str, Metric]]:
        """Group, node and metric of everything that is evaluated."""
        for group in self.modules:
            for node, metric in self.metrics_of(group):
                yield group, node, metric

    def metrics_of(self, group: str) -> Iterator[tuple[str, Metric]]:
        """Node and metric of a group."""
        for node, objective in self.modules[group].objectives.items():
            for metric in objective.metrics:
                yield node, metric

    def is_main(self, group: str, node: str, metric: Metric) -> bool:
        """Whether it is the node's first one on its field."""
        return metric is next(
            one for one in self.modules[group].objectives[node].metrics if one.target == metric.target
        )

    def tables(self) -> tuple[MetricTable, ...]:
        """One table per metric; main ones with intervals and gains. A group whose metrics fail has none."""
        tables: list[MetricTable] = []
        for group in tuple(self.modules):
            try:
                tables += list(self._tables_of(group))
            except FAULTS as fault:
                for node in self.modules.pop(group).objectives:
                    self.scores.pop(node, None)
                self.stopped[group] = str(fault)
        return tuple(tables)

    def _tables_of(self, group: str) -> Iterator[MetricTable]:
        for node, metric in self.metrics_of(group):
            main = self.is_main(group, node, metric)
            target, found = self._target(group, node, metric, self.rows)
            answers = self._answers(group, node, metric)
            figures = {
                name: figure(node, metric, prediction[found], target[found], thresholds)
                for name, (prediction, thresholds) in answers.items()
            }
            gains: dict[str, Interval] = {}
            beats, best, why = False, None, ""
            try:
                best = ceiling(self.context.store, self.context.settings.seed, metric, target[found])
            except UndefinedError as error:
                why = str(error)
            if main or self.context.store.fields[metric.target].counts:
                draws = self._all_drawn(node, metric, answers, target, found)
                if main:
                    perfect = best if best is not None else 1.0 if metric.direction == "max" else 0.0
                    self.scores.setdefault(node, {})[metric.target] = Scores(metric.direction, figures, draws, perfect)
                sign = 1.0 if metric.direction == "max" else -1.0
                gains = {name: paired(figures, draws, name, REFERENCE, sign) for name in figures}
                beats = paired(figures, draws, "crossover", "constant", sign).is_above(0.0)
                figures = {
                    name: one if one.value is None else interval(one.value, draws[name])
                    for name, one in figures.items()
                }
            yield MetricTable(
                metric=f"{node}.{metric.name}",
                group=group,
                direction=metric.direction,
                main=main,
                records=int(found.sum()),
                figures=figures,
                gains=gains,
                beats_constant=beats,
                ceiling=best,
                ceiling_reason=why,
                field=metric.target,
            )

    def diagnoses(self, spreads: Mapping[str, Mapping[str, Tensor]]) -> Iterator[Diagnosis]:
        """What lies behind each main metric; spreads are those of the ensembles."""
        for group, node, metric in self.metrics():
            if self.is_main(group, node, metric):
                name, (target, found) = f"{node}.{metric.output}", self._target(group, node, metric, self.rows)
                answers = {variant: one.predictions[name][found] for variant, one in self.predicted.items()}
                apart = {variant: one[name][found] for variant, one in spreads.items() if name in one}
                yield diagnose(
                    f"{node}.{metric.name}", self.context.store.fields[metric.target], target[found], answers, apart
                )

    def overall(self, names: tuple[str, ...], kind: str, counted: Collection[str] | None) -> Overall:
        """Mean over nodes by variant, of each over its fields, with resamples; empty if no metric can be turned so."""
        found = {}
        scored = [scores for node, scores in self.scores.items() if counted is None or node in counted]
        for name in names:
            nodes = [mean_part([one.turned(kind, name) for one in scores.values()]) for scores in scored]
            mean = mean_part(nodes)
            if mean is not None:
                found[name] = mean
        return found

    def left_out(self) -> dict[str, str]:
        """ "NODE on FIELD" to why it counts in no mean."""
        return {
            f"{node} on {field}": one.obstacle
            for node, scores in self.scores.items()
            for field, one in scores.items()
            if one.obstacle
        }

    def _all_drawn(
        self,
        node: str,
        metric: Metric,
        answers: Mapping[str, tuple[Tensor, Limits]],
        target: Tensor,
        found: Tensor,
    ) -> dict[str, Tensor]:
        """The metric of every variant on every resample; variants that answer alike, as many do, are computed once."""
        draws: dict[str, Tensor] = {}
        for name, (prediction, thresholds) in answers.items():
            for other, drawn in draws.items():
                if answers[other][1] == thresholds and answers[other][0].equal(prediction):
                    draws[name] = drawn
                    break
            else:
                draws[name] = self._drawn(node, metric, prediction, thresholds, target, found)
        return draws

    def _drawn(
        self, node: str, metric: Metric, prediction: Tensor, thresholds: Limits, target: Tensor, found: Tensor
    ) -> Tensor:
        """A metric on every resample."""

        every = bool(found.all())
        samples = (sample if every else sample[found[sample]] for sample in self.draws.samples)
        return drawn_figures(node, metric, prediction, target, thresholds, samples)

    def _target(self, group: str, node: str, metric: Metric, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The metric's target on some rows, and which of them are evaluated."""
        module, target = self.modules[group], self.context.store.target(metric.target)[rows]
        return target, evaluated_rows(module, node, target, self.context.source.fields(rows, module.group.fields))

    def _answers(self, group: str, node: str, metric: Metric) -> dict[str, tuple[Tensor, Limits]]:
        """Variant to its prediction on the test rows and its thresholds."""
        name = f"{node}.{metric.output}"
        answers: dict[str, tuple[Tensor, Limits]] = {
            variant: (one.predictions[name], tuple(one.results[group].thresholds.get(name, ())))
            for variant, one in self.predicted.items()
        }
        target, found = self._target(group, node, metric, self.validation)
        for baseline, (on_validation, on_test) in self.baselines[metric.target].items():
            chosen = choose_thresholds(node, metric, on_validation[found], target[found], self.context.store.fields)
            answers[baseline] = on_test, tuple(chosen)
        return answers
