"""Figures of an assembled model on the test split, for each data set by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs
from torch import Tensor

from redheart_core.contract.nodes import Metric
from redheart_core.exact.bootstrap import Draws, interval
from redheart_core.groups.figures import Limits, figure
from redheart_core.groups.objective import evaluated_rows
from redheart_core.groups.validation import SplitResult, has_objective
from redheart_core.models.manifest import Measurement
from redheart_core.models.model import Model
from redheart_core.storage.runtime import generator
from redheart_core.training.context import TrainingContext

RESAMPLES = 200


def measure(model: Model, context: TrainingContext, split: str = "test") -> dict[str, tuple[Measurement, ...]]:
    """Every metric of every group on the records of each data set, with intervals over records.

    Near-duplicates and records of one cluster count as one. A figure that is undefined on a data set is left out.

    Args:
        model: Assembled from the run.
        context: Of the run.
        split: Whose records are evaluated.
    """
    rows = context.store.filled(split)
    found = {}
    model.require_whole()
    for group in model.groups:
        module = model.modules[group.name]
        if has_objective(module) and context.source.has_any_target(rows, group.targets).any():
            limits = model.manifest.groups[group.name].thresholds
            result = context.evaluate(group, module, split, thresholds=limits)
            found[group.name] = tuple(_figures(model, context, group.name, result, limits, rows, split))
        context.add_outputs(group, module, (split,))
    return found


def _figures(
    model: Model,
    context: TrainingContext,
    group: str,
    result: SplitResult,
    limits: Mapping[str, Limits],
    rows: Tensor,
    split: str,
) -> Iterator[Measurement]:
    store, module = context.store, model.modules[group]
    for place, dataset in enumerate(store.source_names):
        here = store.sources[rows] == place
        own = rows[here]
        if not len(own):
            continue
        draws = Draws(store.clusters_of(own), generator("measure", dataset), RESAMPLES)
        inputs = context.source.fields(own, module.group.fields)
        for node, objective in module.objectives.items():
            for metric in objective.metrics:
                output = f"{node}.{metric.output}"
                target = store.target(metric.target)[own]
                known = evaluated_rows(module, node, target, inputs)
                if bool(known.any()):
                    answer = _Answer(node, metric, result.predictions[output][here], target, limits.get(output, ()))
                    if (one := answer.measure(dataset, split, known, draws)) is not None:
                        yield one


@attrs.frozen(eq=False)
class _Answer:
    """What a metric compares on the records of a data set."""

    node: str
    metric: Metric
    prediction: Tensor
    target: Tensor
    limits: Limits

    def measure(self, dataset: str, split: str, known: Tensor, draws: Draws) -> Measurement | None:
        """The metric with its interval; None if it is undefined."""
        value = self.on(known.nonzero().flatten())
        if value is None:
            return None
        found = interval(value, draws.apply(known, self.on))
        name, output = self.metric.name, f"{self.node}.{self.metric.output}"
        records = int(known.sum())
        return Measurement(output, name, self.metric.target, dataset, split, records, value, found.low, found.high)

    def on(self, sample: Tensor) -> float | None:
        """The metric on some records."""
        return figure(self.node, self.metric, self.prediction[sample], self.target[sample], self.limits).value
