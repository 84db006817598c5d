"""What may change of a group if nobody says so: sizes, rates, decay, dropout, techniques, inputs."""

from __future__ import annotations

from collections.abc import Mapping

from redheart_core.contract.fields import Field
from redheart_core.contract.nodes import SCALES
from redheart_core.data.token_views import token_views
from redheart_core.groups.active import ActiveNode
from redheart_core.groups.group import Group
from redheart_core.storage.settings import as_table
from redheart_core.tuning.changes import DROPOUT, DROPOUT_FACTOR, READS, RESIDUAL, SCALE, Place, dropouts
from redheart_core.tuning.search_space import Range, Space


def wide_space(group: Group, fields: Mapping[str, Field], scale: str, *, same_weights: bool = False) -> Space:
    """What may change of a group, as few settings as do: a few tens of candidates say little of many.

    Rate, weight decay, one factor on all dropouts; every scale up to that of the training; label smoothing where
    targets are distributions or 0/1 labels, mixup where no tokens are read, layer decay where layers are declared;
    whether plugins start from the baseline, and which optional fields each reads. The group's own settings lie in it,
    as far as they are usual ones: what is well chosen need not change for another setting to be tried.

    Args:
        group: Bound.
        fields: Of the data set.
        scale: Of the training.
        same_weights: Whether its weights stay of one form, as the group begins at those of a model: then no scale, no
            baseline and no inputs.
    """
    own = group.name
    space: dict[Place, Range] = {
        ("groups", own, "learning_rate"): Range(1e-4, 1e-2, log=True),
        ("groups", own, "weight_decay"): Range(1e-4, 1e-1, log=True),
    }
    shares = [as_table(node.settings)[key] for node in group.nodes for key in dropouts(node)]
    if any(shares):
        space["groups", own, DROPOUT_FACTOR] = Range(0.0, 1.5)
    elif shares:
        space["groups", own, DROPOUT] = Range(0.0, 0.5)
    sizes = SCALES[: SCALES.index(scale) + 1]
    if any(node.spec.scales[size] != node.spec.scales[scale] for node in group.nodes for size in sizes):
        space["groups", own, SCALE] = Range(choices=sizes)
    targets = [fields[name] for name in group.targets]
    if any(field.simplex or field.binary for field in targets):
        space["groups", own, "label_smoothing"] = Range(choices=(0.0, 0.05, 0.1))
    if not token_views(group.inputs):
        space["groups", own, "mixup"] = Range(choices=(0.0, 0.2, 0.4))
    if any(node.spec.layers for node in group.nodes):
        space["groups", own, "layer_decay"] = Range(choices=(1.0, 0.85, 0.7))
    if any(node.residual_fields for node in group.nodes):
        space["groups", own, RESIDUAL] = Range(choices=(True, False))
    for node in group.nodes:
        for name in _may_ignore(node):
            space["plugins", node.name, READS + name] = Range(choices=(True, False))
    if same_weights:
        return {place: found for place, found in space.items() if not _changes_weights(place)}
    return space


def _changes_weights(place: Place) -> bool:
    return place[0] == "plugins" or place[2] in (SCALE, RESIDUAL)


def _may_ignore(node: ActiveNode) -> tuple[str, ...]:
    """Optional fields that no output needs, so that nothing above is left without its input."""
    needed = {name for output in node.spec.gives for name in output.needs}
    return tuple(name for name in node.spec.optional_reads if name not in needed)
