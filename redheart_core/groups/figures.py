"""What a group's outputs are worth: its metrics over a split. A figure without a value has a reason instead."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import attrs
import torch
from torch import Tensor

from redheart_core.contract.errors import DataError, UndefinedError
from redheart_core.contract.fields import Field
from redheart_core.contract.nodes import Metric
from redheart_core.exact.interval import Interval
from redheart_core.groups.objective import evaluated_rows
from redheart_core.groups.plugin_calls import lending, naming
from redheart_core.nn.thresholds import best_thresholds

if TYPE_CHECKING:
    from redheart_core.groups.group_module import Answering

Limits = Sequence[float | None]
"""One threshold per label; None for a label of which none can be chosen."""


@attrs.frozen
class Figures:
    """Every metric of a group over some records."""

    values: dict[str, float | None]
    """By "node.metric"; None where undefined."""
    undefined: dict[str, str]
    """By "node.metric": why it has no value."""
    thresholds: dict[str, Limits]
    """By "node.output", for outputs whose labels are 0 or 1."""


def group_figures(
    module: Answering,
    outputs: Mapping[str, Tensor],
    targets: Mapping[str, Tensor],
    inputs: Mapping[str, Tensor],
    thresholds: Mapping[str, Limits] | None = None,
    honest: Mapping[str, tuple[Tensor, Tensor]] | None = None,
) -> Figures:
    """Every metric of a group over all records.

    Args:
        module: The group.
        outputs: "node.output" to (N, *shape).
        targets: Field to (N, *shape).
        inputs: The fields that the group reads.
        thresholds: "node.output" to one threshold per label; None to choose them on these records.
        honest: "node.output" to predictions and targets of further records, (M, *shape) each, that thresholds are
            chosen on too; NaN in a target that is not to count.

    Raises:
        DataError: A plugin's metric fails.
        PluginError: A metric changes what it is given.
    """
    found = Figures({}, {}, {})
    for node in module.group.nodes:
        objective = module.objectives.get(node.name)
        for metric in objective.metrics if objective else ():
            name, target = f"{node.name}.{metric.output}", targets[metric.target]
            rows = evaluated_rows(module, node.name, target, inputs)
            prediction, target = outputs[name][rows], target[rows]
            if metric.thresholded and name not in found.thresholds:
                if thresholds is None:
                    pairs = [(prediction, target), *([honest[name]] if honest and name in honest else [])]
                    answers, given = (torch.cat(part) for part in zip(*pairs, strict=True))
                    found.thresholds[name] = choose_thresholds(node.name, metric, answers, given, module.fields)
                else:
                    found.thresholds[name] = thresholds[name]
            own = figure(node.name, metric, prediction, target, found.thresholds.get(name, ()))
            found.values[f"{node.name}.{metric.name}"] = own.value
            if own.value is None:
                found.undefined[f"{node.name}.{metric.name}"] = own.reason
    return found


def choose_thresholds(
    plugin: str, metric: Metric, prediction: Tensor, target: Tensor, fields: Mapping[str, Field]
) -> Limits:
    """One threshold per label, chosen on these records; none for a metric that needs none."""
    if not metric.thresholded:
        return ()
    with naming(plugin, f"thresholds of '{metric.output}'", DataError):
        return best_thresholds(prediction, target, fields[metric.target].labels).values


def figure(plugin: str, metric: Metric, prediction: Tensor, target: Tensor, thresholds: Limits) -> Interval:
    """One metric over some records that are evaluated; thresholds for one that needs them.

    Raises:
        DataError: The metric fails otherwise than by saying that it is undefined here.
        PluginError: It changes what it is given.
    """
    present = ~target.isnan()
    lent = {"prediction": prediction, "target": target, "present": present}
    more = (tuple(thresholds),) if metric.thresholded else ()
    try:
        with lending(plugin, f"metric '{metric.name}'", lent, error=DataError):
            value = metric.function(prediction, target, present, *more)
    except UndefinedError as reason:
        return Interval.undefined(str(reason))
    _check_number(plugin, metric, value)
    return Interval(value) if math.isfinite(value) else Interval.undefined(f"the metric gives {value} on these records")


def drawn_figures(
    plugin: str, metric: Metric, prediction: Tensor, target: Tensor, thresholds: Limits, samples: Iterable[Tensor]
) -> Tensor:
    """The same on many samples of the records, (R,) float64, NaN where it is undefined.

    Args:
        plugin: As for figure, as are the next four.
        samples: Row numbers; the metric gets copies, so that it can change nothing of others.

    Raises:
        DataError: As figure.
    """
    present = ~target.isnan()
    more = (tuple(thresholds),) if metric.thresholded else ()
    values: list[float] = []
    with naming(plugin, f"metric '{metric.name}'", DataError):
        for sample in samples:
            try:
                values.append(metric.function(prediction[sample], target[sample], present[sample], *more))
            except UndefinedError:
                values.append(math.nan)
    for value in values:
        _check_number(plugin, metric, value)
    return torch.tensor([value if math.isfinite(value) else math.nan for value in values], dtype=torch.float64)


def _check_number(plugin: str, metric: Metric, value: object) -> None:
    if not isinstance(value, float | int):
        raise DataError(f"plugin '{plugin}': metric '{metric.name}' has to give a float, got {value!r}")
