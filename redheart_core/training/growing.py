"""From the epochs of a run to the start of a larger one, whose groups compute what the smaller ones do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs
from torch import Tensor, nn

from redheart_core.contract.errors import PluginError, SettingsError
from redheart_core.contract.nodes import SCALES, NodeSpec
from redheart_core.data.batch import Batch
from redheart_core.groups.active import ActiveNode
from redheart_core.groups.group import Group
from redheart_core.groups.group_module import GroupModule
from redheart_core.groups.plugin_calls import setting_up
from redheart_core.groups.validation import evaluate
from redheart_core.nn.growing import Growing
from redheart_core.training.context import TrainingContext

TOLERANCE = 1e-4
"""Largest difference of an output before and after, beside 1 or its own size, whichever is larger."""


@attrs.frozen
class GrownGroup:
    """A group before and after; differences are those on the validation records."""

    group: str
    parameters: tuple[int, int]
    validation_loss: tuple[float, float]
    difference: float
    """The largest of any output, beside 1 or the output's own size."""
    kept: Mapping[str, str]
    """Its nodes that keep their size, and why."""


def grown_node(node: ActiveNode, scale: str) -> ActiveNode:
    """A node with the settings that it has once it has grown; one that cannot keeps its own.

    Raises:
        PluginError: The plugin's function fails.
    """
    return grown_with(node, of_scale(node.spec, scale))


def grown_with(node: ActiveNode, changes: Mapping[str, Any]) -> ActiveNode:
    """A node with the settings that it has once it has grown towards some others.

    Raises:
        PluginError: The plugin's function fails.
    """
    spec = node.spec
    if spec.grown is None:
        return node
    # what it has from growing before, such as the width of its positions, need not fit a width that is not reached
    with attrs.validators.disabled():
        larger = attrs.evolve(node.settings, **changes)
    with setting_up(node.name, "grown"):
        return attrs.evolve(node, settings=spec.grown(node.settings, larger))


def of_scale(spec: NodeSpec, scale: str) -> dict[str, Any]:
    """What a scale sets; what other scales alone set has its default."""
    defaults = attrs.fields_dict(spec.settings)
    names = {name for table in spec.scales.values() for name in table}
    return {name: spec.scales[scale].get(name, defaults[name].default) for name in names}


def grow_groups(
    smaller: TrainingContext, larger: TrainingContext, modules: Mapping[str, GroupModule]
) -> Iterator[tuple[GrownGroup, Mapping[str, Tensor]]]:
    """Each trained group with the weights that it begins with, from the lowest tier to the highest.

    Args:
        smaller: Of the run.
        larger: The same data and groups, of nodes that were grown.
        modules: The groups of the run with their weights.

    Raises:
        PluginError: A node cannot take over what it computed before; nothing is lost.
    """
    for group, old_group in zip(larger.groups, smaller.groups, strict=True):
        old, new = modules[group.name], larger.module(group)
        if group.fitted or not old.parameter_dict():
            new.load(old.parameter_dict())
            new.honest = old.honest
        else:
            grow_modules(new, old)
            yield _compared(group, smaller, larger, old, new), new.parameter_dict()
        smaller.add_outputs(old_group, old, ("validation",))
        larger.add_outputs(group, new, ("validation",))


def grow_modules(larger: GroupModule, smaller: GroupModule) -> None:
    """Give each node of a group what it takes over; gates of residuals have the same size as before."""
    before = {node.name: node.settings for node in smaller.group.nodes}
    for node in larger.group.nodes:
        new, old = larger.nodes[node.name], smaller.nodes[node.name]
        if shapes(new) == shapes(old) and (node.spec.grown is None or node.settings == before[node.name]):
            new.load_state_dict(old.state_dict())
            continue
        if node.spec.grown is None:
            raise PluginError(
                f"plugin '{node.name}' reads nodes that grow and cannot grow itself (its NodeSpec declares no grown); "
                "train a run without it first, or declare how it grows"
            )
        if not isinstance(new, Growing):
            raise PluginError(f"plugin '{node.name}' declares grown, but what it builds has no method grow_from")
        with setting_up(node.name, "grow_from", SettingsError):
            new.grow_from(old)
    larger.residuals.load_state_dict(smaller.residuals.state_dict())


def shapes(module: nn.Module) -> dict[str, tuple[int, ...]]:
    """The shape of every tensor that a checkpoint holds."""
    return {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}


def _compared(
    group: Group, smaller: TrainingContext, larger: TrainingContext, old: GroupModule, new: GroupModule
) -> GrownGroup:
    """Both on the validation records.

    Raises:
        PluginError: An output differs by more than TOLERANCE.
    """
    rows, before = larger.store.rows("validation"), list[Mapping[str, Tensor]]()
    differences: dict[str, float] = {}

    def keep(_: Tensor, __: Batch, outputs: Mapping[str, Tensor]) -> None:
        before.append(outputs)

    def compare(_: Tensor, __: Batch, outputs: Mapping[str, Tensor]) -> None:
        for name, known in before.pop(0).items():
            found = difference(known, outputs[name])
            differences[name] = max(found, differences.get(name, 0.0))

    first = evaluate(old, smaller.source, rows, observe=keep)
    second = evaluate(new, larger.source, rows, observe=compare)
    worst = max(differences, key=lambda name: differences[name])
    if not differences[worst] <= TOLERANCE:
        raise PluginError(
            f"'{worst}' differs by {differences[worst]:.1e} after growing, at most {TOLERANCE:.0e} is allowed; "
            "the plugin's grow_from does not preserve what it computes"
        )
    kept = {node.name: why for node in group.nodes if (why := _why_kept(node, old, new))}
    sizes = tuple(sum(one.numel() for one in module.parameters()) for module in (old, new))
    return GrownGroup(group.name, (sizes[0], sizes[1]), (first.loss, second.loss), differences[worst], kept)


def _why_kept(node: ActiveNode, old: GroupModule, new: GroupModule) -> str:
    """Why a node has the size that it had; empty if it is larger."""
    spec = node.spec
    if shapes(new.nodes[node.name]) != shapes(old.nodes[node.name]):
        return ""
    if all(table == spec.scales[SCALES[0]] for table in spec.scales.values()):
        return "one size at every scale"
    if spec.grown is None:
        return "its plugin declares no way to grow"
    return "it has this size already"


def difference(before: Tensor, after: Tensor) -> float:
    """The largest, beside 1 or the number's own size; features of a larger width repeat those before."""
    if before.shape != after.shape:
        before = before.repeat(*[1] * (before.dim() - 1), after.shape[-1] // before.shape[-1])
    before, after = before.detach(), after.detach()
    apart = (before - after).abs() / before.abs().clamp(min=1.0)
    return float(apart[~(before.isnan() & after.isnan())].max()) if before.numel() else 0.0
