"""The test split: the assembled model beside what a user would do instead, and beside no model."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, datetime

import attrs
import torch
from torch import Tensor

from redheart_core.contract.nodes import Metric
from redheart_core.evaluation.diagnostics import ENSEMBLES, diagnose, ensemble_spreads
from redheart_core.evaluation.results import Diagnosis, Evaluation, MetricTable
from redheart_core.evaluation.variants import REFERENCE, Predicted, predict_variant, variant_picks
from redheart_core.exact.bootstrap import Draws, interval
from redheart_core.exact.clusters import Clusters
from redheart_core.exact.interval import Interval
from redheart_core.groups.group_module import GroupModule
from redheart_core.groups.objective import figure, judged_rows, thresholds_for
from redheart_core.inspection.baselines import BASELINES, baseline_predictions
from redheart_core.inspection.ceilings import ceiling
from redheart_core.runs.run import RunFolder
from redheart_core.selection.methods import METHODS, Method
from redheart_core.selection.picks import Pick
from redheart_core.selection.rivals import compare_methods
from redheart_core.selection.sweetspot import Sweetspot
from redheart_core.storage.files import write_json, writing
from redheart_core.storage.runtime import generator
from redheart_core.training.context import TrainingContext

Progress = Callable[[str, int, int], None]
Overall = Mapping[str, tuple[float, Tensor]]
"""Variant to its mean over nodes, and that on every resample, (S,) float64."""


def evaluate_test(
    run: RunFolder,
    context: TrainingContext,
    sweetspot: Sweetspot,
    model: Mapping[str, Pick],
    progress: Progress | None = None,
) -> Evaluation:
    """What evaluate_with_draws gives, without the resamples."""
    return evaluate_with_draws(run, context, sweetspot, model, progress)[0]


def evaluate_with_draws(
    run: RunFolder,
    context: TrainingContext,
    sweetspot: Sweetspot,
    model: Mapping[str, Pick],
    progress: Progress | None = None,
    counted: Collection[str] | None = None,
    methods: Mapping[str, Method] = METHODS,
) -> tuple[Evaluation, dict[str, Overall]]:
    """Evaluate every way to make a model of the run's epochs on the test split, with intervals.

    Each variant's choices and thresholds come from validation. Differences are paired: all variants are evaluated on
    the same resamples of the test records.

    Args:
        run: The run.
        trainer: Its trainer.
        sweetspot: The choices of all groups.
        model: What the model that is evaluated took of each group.
        progress: Called now and then.
        counted: Nodes that the means go over; all that are evaluated if left out.
        methods: Ways to make a model that are tried.

    Returns:
        The evaluation, and the means as "skill" and "points". Resamples depend on the number of test records
        alone, so that runs of several seeds can be compared on the same ones.

    Raises:
        DataError: There is no test split.
        CheckpointError: An epoch that a variant needs was removed by retention or is damaged.
    """
    rows = context.store.filled("test")
    rivals, pools = compare_methods(run, context, progress, methods)
    write_json(run.path / "rivals.json", rivals.to_json())
    variants = list(variant_picks(rivals, pools, sweetspot, model))
    reads = count_test_read(run)
    predicted: dict[str, Predicted] = {}
    spreads: dict[str, dict[str, Tensor]] = {}
    for number, (name, picks) in enumerate(variants):
        if progress:
            progress("evaluate", number, len(variants))
        predicted[name] = predict_variant(context, pools, picks, rows)
        if name in ENSEMBLES:
            spreads[name] = ensemble_spreads(context, pools, picks, rows)
    modules = {group.name: context.module(group) for group in context.groups}
    evaluator = Evaluator(context, modules, predicted, rows)
    tables = tuple(evaluator.tables())
    names = (*predicted, *BASELINES)
    skill, points = (evaluator.overall(names, kind, counted) for kind in ("skill", "points"))
    evaluation = Evaluation(
        variants=names,
        tables=tables,
        losses={name: {g: result.loss for g, result in one.results.items()} for name, one in predicted.items()},
        skill={name: interval(value, draws) for name, (value, draws) in skill.items()},
        skill_gains=_gains(skill),
        points={name: interval(value, draws) for name, (value, draws) in points.items()},
        point_gains=_gains(points),
        best_method=rivals.best_method,
        refits={name: dict(one.refits) for name, one in predicted.items()},
        test_records=len(rows),
        test_reads=reads,
        diagnostics=tuple(evaluator.diagnoses(spreads)),
    )
    return evaluation, {"skill": skill, "points": points}


def _gains(overall: Overall) -> dict[str, Interval]:
    """Value and draws of each variant to its paired difference from the reference."""
    if not overall:
        return {}
    base, base_draws = overall[REFERENCE]
    return {name: interval(value - base, draws - base_draws) for name, (value, draws) in overall.items()}


def count_test_read(run: RunFolder) -> int:
    """Write down that the test split is read, and say how often it has been."""
    file = run.path / "test_reads.jsonl"
    with writing(file), file.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps({"time": datetime.now(UTC).isoformat()}) + "\n")
    return len(file.read_text(encoding="utf-8").splitlines())


@attrs.frozen(eq=False)
class Scores:
    """A node's main metric by variant, on all records and on every resample, turned so that more is better."""

    direction: str
    values: Mapping[str, float]
    draws: Mapping[str, Tensor]
    perfect: float
    """1 or 0 by the direction, or what the disagreement of the raters allows at best."""

    def turned(self, kind: str, name: str) -> tuple[float, Tensor] | None:
        """The metric as "skill", 0 for the constant predictor and 1 for the best attainable one, or in "points", 100
        times the metric itself, which is None if the metric is not best at 1."""
        if kind == "points":
            return (100 * self.values[name], 100 * self.draws[name]) if self.direction == "max" else None
        constant, constants = self.values["constant"], self.draws["constant"]
        return (
            (self.values[name] - constant) / (self.perfect - constant),
            (self.draws[name] - constants) / (self.perfect - constants),
        )


class Evaluator:
    """Metrics of all variants and baselines over the same records and resamples."""

    def __init__(
        self,
        context: TrainingContext,
        modules: Mapping[str, GroupModule],
        predicted: Mapping[str, Predicted],
        rows: Tensor,
    ) -> None:
        self.context, self.modules, self.predicted, self.rows = context, modules, predicted, rows
        self.draws = Draws(Clusters(context.store.clusters[rows]), generator("bootstrap", len(rows)))
        self.validation = context.store.rows("validation")
        self.baselines = {
            field: baseline_predictions(context.store, context.store.fields[field], (self.validation, rows))
            for field in sorted({metric.target for _, _, metric in self.metrics()})
        }
        self.scores: dict[str, Scores] = {}

    def metrics(self) -> Iterator[tuple[str, str, Metric]]:
        """Group, node and metric of everything that is evaluated."""
        for group, module in self.modules.items():
            for node, objective in module.objectives.items():
                for metric in objective.metrics:
                    yield group, node, metric

    def tables(self) -> Iterator[MetricTable]:
        """One table per metric; main ones with intervals and gains."""
        for group, node, metric in self.metrics():
            main = metric is self.modules[group].objectives[node].metrics[0]
            target, found = self._target(group, node, metric, self.rows)
            answers = self._answers(group, node, metric)
            values = {
                name: figure(metric, prediction[found], target[found], thresholds)
                for name, (prediction, thresholds) in answers.items()
            }
            figures, gains, beats = {name: Interval(value) for name, value in values.items()}, {}, False
            best = ceiling(self.context.store, self.context.settings.seed, metric, target[found])
            if main or self.context.store.fields[metric.target].counts:
                draws = {
                    name: self._drawn(metric, prediction, target, found, thresholds)
                    for name, (prediction, thresholds) in answers.items()
                }
                if main:
                    perfect = best if best is not None else 1.0 if metric.direction == "max" else 0.0
                    self.scores[node] = Scores(metric.direction, values, draws, perfect)
                figures = {name: interval(value, draws[name]) for name, value in values.items()}
                sign = 1.0 if metric.direction == "max" else -1.0
                gains = {
                    name: interval(sign * (value - values[REFERENCE]), sign * (draws[name] - draws[REFERENCE]))
                    for name, value in values.items()
                }
                beats = bool((sign * (draws["crossover"] - draws["constant"])).quantile(0.025) > 0)
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
            )

    def diagnoses(self, spreads: Mapping[str, Mapping[str, Tensor]]) -> Iterator[Diagnosis]:
        """What lies behind each node's main metric; spreads are those of the ensembles."""
        for group, node, metric in self.metrics():
            if metric is self.modules[group].objectives[node].metrics[0]:
                name, (target, found) = f"{node}.{metric.output}", self._target(group, node, metric, self.rows)
                answers = {variant: one.predictions[name][found] for variant, one in self.predicted.items()}
                apart = {variant: one[name][found] for variant, one in spreads.items() if name in one}
                yield diagnose(
                    f"{node}.{metric.name}", self.context.store.fields[metric.target], target[found], answers, apart
                )

    def overall(self, names: tuple[str, ...], kind: str, counted: Collection[str] | None) -> Overall:
        """Mean over nodes by variant, with its resamples; empty if no metric can be turned so."""
        found = {}
        scored = [scores for node, scores in self.scores.items() if counted is None or node in counted]
        for name in names:
            parts = [part for scores in scored if (part := scores.turned(kind, name)) is not None]
            if parts:
                value = sum(part for part, _ in parts) / len(parts)
                found[name] = value, torch.stack([draws for _, draws in parts]).mean(0)
        return found

    def _drawn(
        self, metric: Metric, prediction: Tensor, target: Tensor, found: Tensor, thresholds: tuple[float, ...]
    ) -> Tensor:
        """A metric on every resample."""

        def on(sample: Tensor) -> float:
            return figure(metric, prediction[sample], target[sample], thresholds)

        return self.draws.apply(found, on)

    def _target(self, group: str, node: str, metric: Metric, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The metric's target on some rows, and which of them are evaluated."""
        module, target = self.modules[group], self.context.store.target(metric.target)[rows]
        return target, judged_rows(module, node, target, self.context.source.fields(rows, module.group.fields))

    def _answers(self, group: str, node: str, metric: Metric) -> dict[str, tuple[Tensor, tuple[float, ...]]]:
        """Variant to its prediction on the test rows and its thresholds."""
        name = f"{node}.{metric.output}"
        answers = {
            variant: (one.predictions[name], tuple(one.results[group].thresholds.get(name, ())))
            for variant, one in self.predicted.items()
        }
        target, found = self._target(group, node, metric, self.validation)
        for baseline, (on_validation, on_test) in self.baselines[metric.target].items():
            chosen = thresholds_for(metric, on_validation[found], target[found], self.context.store.fields)
            answers[baseline] = on_test, tuple(chosen)
        return answers
