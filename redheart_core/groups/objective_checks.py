"""What a node learns and is measured by has to agree with what it declares."""

from __future__ import annotations

from collections.abc import Mapping

from redheart_core.contract.errors import PluginError
from redheart_core.contract.fields import Field, Shape
from redheart_core.contract.nodes import Objective
from redheart_core.groups.active import ActiveNode
from redheart_core.groups.plugin_calls import check_takes

COMPARED = ("prediction", "target", "present")
"""What losses and metrics are called with."""


def check_objective(
    node: ActiveNode, objective: Objective, fields: Mapping[str, Field], shapes: Mapping[str, Shape]
) -> Objective:
    """Losses and metrics have to agree with the declared outputs, forms and targets.

    Raises:
        PluginError: Names the plugin and what does not agree.
    """
    own = {f"{node.name}.{output.name}" for output in node.spec.gives}
    aims = {term.target for term in objective.losses}
    used = {aim for aim in aims if aim not in own and aim not in node.spec.reads}
    used |= {metric.target for metric in objective.metrics}
    if not set(node.spec.targets) - set(node.spec.optional_targets) <= used <= set(node.spec.targets):
        raise PluginError(
            f"plugin '{node.name}' declares the targets {', '.join(sorted(node.spec.targets))}, "
            f"but its losses and metrics use {', '.join(sorted(used))}"
        )
    if not objective.losses or not objective.metrics:
        raise PluginError(
            f"plugin '{node.name}' needs at least one loss and one metric in its objective, got "
            f"{len(objective.losses)} losses and {len(objective.metrics)} metrics"
        )
    for term in objective.losses:
        check_takes(node.name, f"loss on '{term.target}'", term.function, COMPARED)
        output = node.spec.output(term.output)
        if output.form != term.takes:
            raise PluginError(
                f"plugin '{node.name}': the loss on '{term.target}' takes {term.takes}, "
                f"but output '{term.output}' gives {output.form}"
            )
        shape = output.resolve(node.settings, fields)
        expected = shapes[term.target] if term.shape is None else term.shape
        if shape != expected:
            raise PluginError(
                f"plugin '{node.name}': output '{term.output}' has the shape {shape} per record, the loss on "
                f"'{term.target}' expects {expected}; state LossTerm(shape=...) if they differ on purpose"
            )
    for metric in objective.metrics:
        thresholds = ("thresholds",) if metric.thresholded else ()
        check_takes(node.name, f"metric '{metric.name}'", metric.function, (*COMPARED, *thresholds))
        shape = node.spec.output(metric.output).resolve(node.settings, fields)
        expected = fields[metric.target].shape if metric.shape is None else metric.shape
        if shape != expected:
            raise PluginError(
                f"plugin '{node.name}': metric '{metric.name}' compares '{metric.output}' {shape} with "
                f"'{metric.target}' {fields[metric.target].shape} per record; state Metric(shape=...) if they differ "
                "on purpose"
            )
    return objective
