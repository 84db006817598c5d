"""What a module is worth: parameters by submodule, comparisons and ablations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import attrs
import torch
from torch import Tensor, nn

from redheart_core.config.tables import DEFAULT_TERMS
from redheart_core.contract.data import EXAMPLE_TOKENIZERS, EXAMPLE_WIDTH
from redheart_core.contract.fields import Field
from redheart_core.contract.nodes import Metric
from redheart_core.groups.active import ActiveNode
from redheart_core.groups.figures import choose_thresholds, figure
from redheart_core.groups.graph import output_shapes, plan_groups
from redheart_core.groups.group_module import GroupModule, Surroundings, build_node
from redheart_core.groups.objective import evaluated_rows
from redheart_core.groups.validation import SplitResult, evaluate
from redheart_core.inspection.baselines import constant_baseline, linear_baselines
from redheart_core.training.context import TrainingContext


def submodule_sizes(module: nn.Module) -> dict[str, int]:
    """Parameters of every direct submodule, and of those that the module holds itself."""
    sizes = {name: sum(p.numel() for p in child.parameters()) for name, child in module.named_children()}
    sizes |= {name: parameter.numel() for name, parameter in module.named_parameters(recurse=False)}
    return {name: size for name, size in sizes.items() if size}


def sizes_at(node: ActiveNode, nodes: Sequence[ActiveNode], fields: Mapping[str, Field], scale: str) -> dict[str, int]:
    """submodule_sizes of a bound node at a scale, with nothing allocated."""
    shapes = output_shapes(nodes, fields, EXAMPLE_WIDTH, DEFAULT_TERMS, EXAMPLE_TOKENIZERS)
    surroundings = Surroundings(fields, shapes, scale, 0, EXAMPLE_TOKENIZERS)
    with torch.device("meta"):
        return submodule_sizes(build_node(node, surroundings, wanted_outputs(node, nodes)))


def wanted_outputs(node: ActiveNode, nodes: Sequence[ActiveNode]) -> frozenset[str]:
    """The outputs that a node is built for among others."""
    return next(group for group in plan_groups(nodes) if node.name in {n.name for n in group.nodes}).wanted(node)


@attrs.frozen
class Comparison:
    """A metric on the validation split: the node beside the constant mean and a linear map of the mean embedding."""

    metric: str
    direction: str
    main: bool
    node: float | None
    """As the next two None where the metric is undefined on these records."""
    constant: float | None
    linear: float | None
    exact: float | None
    """Of the exact calculator, where the labels are its own: it knows facts that the text does not state."""


def compare(context: TrainingContext, module: GroupModule, node: str, result: SplitResult) -> list[Comparison]:
    """Each metric of a node on the validation split; result is that of evaluate."""
    rows = context.store.rows("validation")
    inputs = context.source.fields(rows, module.group.inputs)
    metrics = module.objectives[node].metrics
    fields = [context.store.fields[name] for name in sorted({metric.target for metric in metrics})]
    linear_guesses = linear_baselines(context.store, fields, rows)
    guesses = {
        field.name: (constant_baseline(context.store, field, len(rows)), linear_guesses[field.name]) for field in fields
    }
    found = []
    for metric in metrics:
        target = context.store.target(metric.target)[rows]
        evaluated = evaluated_rows(module, node, target, inputs)
        known = target[evaluated]
        constant, linear = (_figure(context, node, metric, guess[evaluated], known) for guess in guesses[metric.target])
        own = result.metrics[f"{node}.{metric.name}"]
        is_exact = context.store.fields[metric.target].exact
        exact = _figure(context, node, metric, known, known) if is_exact else None
        found.append(Comparison(metric.name, metric.direction, metric is metrics[0], own, constant, linear, exact))
    return found


def _figure(context: TrainingContext, node: str, metric: Metric, guess: Tensor, known: Tensor) -> float | None:
    """A metric of a guess, with thresholds that are chosen on the same records."""
    limits = choose_thresholds(node, metric, guess, known, context.store.fields)
    return figure(node, metric, guess, known, limits).value


@attrs.frozen
class Ablation:
    """What is lost when a submodule's parameters are set to zero."""

    submodule: str
    parameters: int
    metric: float | None
    """The node's main metric without it, None if the node has none."""
    loss_gain: float
    """How much the validation loss of the node's group rises."""


def ablate(context: TrainingContext, module: GroupModule, node: str, result: SplitResult) -> list[Ablation]:
    """Each submodule of a trained node in turn, on the validation split; the module is left as it was."""
    objective = module.objectives.get(node)
    rows, found = context.store.rows("validation"), []
    for name, size in submodule_sizes(module.nodes[node]).items():
        with _zeroed(module.nodes[node], name):
            without = evaluate(module, context.source, rows)
        metric = without.metrics[f"{node}.{objective.metrics[0].name}"] if objective else None
        found.append(Ablation(name, size, metric, without.loss - result.loss))
    return found


@torch.no_grad()
def expert_load(context: TrainingContext, module: GroupModule, node: str) -> list[float]:
    """Mean weight of each expert of a node over the validation records, from its output "gate"; empty without one."""
    if f"{node}.gate" not in module.shapes:
        return []
    total, count = torch.zeros(()), 0
    module.eval()
    for rows in context.source.fixed_order(context.store.rows("validation")):
        gate = module(context.source.batch(rows, module.group.inputs))[f"{node}.gate"].cpu()
        total, count = total + gate.sum(0), count + len(gate)
    load: list[float] = (total / count).tolist()
    return load


@contextmanager
def _zeroed(module: nn.Module, name: str) -> Iterator[None]:
    """Inside, the parameters of a direct submodule, or one of the module's own, are zero."""
    held = [p for full, p in module.named_parameters() if full == name or full.startswith(f"{name}.")]
    copies = [parameter.detach().clone() for parameter in held]
    with torch.no_grad():
        for parameter in held:
            parameter.zero_()
        try:
            yield
        finally:
            for parameter, copy in zip(held, copies, strict=True):
                parameter.copy_(copy)
