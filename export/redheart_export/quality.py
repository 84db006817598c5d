"""What an exported model costs on the validation records of its run: by the losses of its groups, and in points."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
from torch import Tensor

from redheart_core.contract.nodes import Metric
from redheart_core.exact.bootstrap import Draws, interval
from redheart_core.exact.interval import Interval
from redheart_core.groups.figures import figure
from redheart_core.groups.fused_for import fused_for, own_fields
from redheart_core.groups.group_module import Answering
from redheart_core.groups.objective import evaluated_rows
from redheart_core.groups.validation import SplitResult, compute_outputs, evaluate, has_objective
from redheart_core.models.model import Model
from redheart_core.storage.runtime import generator
from redheart_core.training.context import TrainingContext
from redheart_export.manifest import PointsCost, QualityCost

POINTS = 100
"""Of a metric that is best at 1, such as a share of right answers or explained variance."""


def quality_costs(real: Model, exported: Model, context: TrainingContext) -> dict[str, QualityCost]:
    """By group what it loses by the exported model, whose groups read each other's answers.

    Intervals are those of the paired difference over records; near-duplicates are drawn together.
    """
    results, others = (_results(model, context) for model in (real, exported))
    rows = context.store.rows("validation")
    draws = Draws(context.store.clusters_of(rows), generator("bootstrap", len(rows)))
    return {
        name: QualityCost(
            one.loss,
            others[name].loss,
            _difference(draws, one.losses, others[name].losses),
            tuple(_points(real.modules[name], context, draws, one, others[name])),
        )
        for name, one in results.items()
    }


def _difference(draws: Draws, real: Tensor, exported: Tensor) -> Interval:
    added = exported - real
    drawn = draws.apply(added.isfinite(), lambda sample: float(added[sample].mean()))
    return interval(float(added.mean()), drawn)


def _points(
    module: Answering, context: TrainingContext, draws: Draws, real: SplitResult, exported: SplitResult
) -> Iterator[PointsCost]:
    """Of each answer the first metric that is best at 1, where it has a value."""
    rows = context.store.rows("validation")
    inputs = context.source.fields(rows, module.group.fields)
    for node, objective in module.objectives.items():
        first: dict[str, Metric] = {}
        for metric in objective.metrics:
            if metric.direction == "max":
                first.setdefault(metric.output, metric)
        for metric in first.values():
            pair = _Pair(node, metric, context.store.target(metric.target)[rows], real, exported)
            known = evaluated_rows(module, node, pair.target, inputs)
            places = known.nonzero().flatten()
            found = [pair.points(one, places) for one in (real, exported)]
            if found[0] is not None and found[1] is not None:
                difference = interval(found[1] - found[0], draws.apply(known, pair.lost))
                yield PointsCost(f"{node}.{metric.name}", found[0], found[1], difference)


@attrs.frozen(eq=False)
class _Pair:
    """An answer by both engines, and what a metric compares them with."""

    node: str
    metric: Metric
    target: Tensor
    real: SplitResult
    exported: SplitResult

    def points(self, result: SplitResult, sample: Tensor) -> float | None:
        """The metric on some records, with thresholds of PyTorch's answers; None if it is undefined there."""
        name = f"{self.node}.{self.metric.output}"
        limits = self.real.thresholds.get(name, ())
        value = figure(self.node, self.metric, result.predictions[name][sample], self.target[sample], limits).value
        return None if value is None else POINTS * value

    def lost(self, sample: Tensor) -> float | None:
        """Points of the exported model less PyTorch's; None if they are undefined."""
        real, exported = (self.points(one, sample) for one in (self.real, self.exported))
        return None if real is None or exported is None else exported - real


def _results(model: Model, context: TrainingContext) -> dict[str, SplitResult]:
    """By group that learns something what it does on the validation records."""
    rows, results = context.store.rows("validation"), dict[str, SplitResult]()
    for group in (one for one in context.groups if one.name in model.modules):
        module = model.modules[group.name]
        if model.manifest.groups[group.name].validation_loss is not None and has_objective(module):
            results[group.name] = evaluate(module, context.source, rows)
        if names := context.read_outputs(group):
            fields, rest = own_fields(group, context.store.fields), fused_for(group, context.groups) is None
            lower = compute_outputs(module, context.source, rows, names, fields=fields, rest=rest)
            context.source.add_lower(lower)
    return results
