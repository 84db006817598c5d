"""Check that a node that declares how it grows computes the same at a larger scale."""

from __future__ import annotations

import attrs
import torch

from redheart_core.contract.errors import PluginError
from redheart_core.contract.nodes import VIEWS
from redheart_core.data.batch import Batch
from redheart_core.groups.graph import output_shapes, plan_groups
from redheart_core.groups.group_module import CPU, GroupModule
from redheart_core.testing.plugin import ConformanceError, NotApplicable, require
from redheart_core.testing.subject import SEED, Subject
from redheart_core.training.growing import difference, grow_modules, grown_node

TOLERANCE = 1e-3
"""Of outputs after one step from tiny to small: sums of few numbers are rounded more."""
SHAKEN = 0.2
"""Standard deviation of what is added to every weight, so that none is 0 as it may begin."""


def check_grows(subject: Subject) -> None:
    """At the scale small it takes over what it computes at tiny; or it keeps its size."""
    own = {node.name for node in subject.group.nodes}
    if subject.node.spec.grown is None:
        raise NotApplicable("it declares no way to grow, and keeps its size when others do")
    nodes = [grown_node(node, "small") if node.name in own else node for node in subject.nodes]
    group = next(group for group in plan_groups(nodes) if group.name == subject.group.name)
    views = {view: subject.records.inputs[view].shape[-1] for view in VIEWS if view in subject.records.inputs}
    shapes = output_shapes(nodes, subject.fields, views["embedding"], views.get("terms", 0), subject.tokenizers)
    smaller = subject.module()
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for parameter in smaller.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=SHAKEN)
    surroundings = attrs.evolve(subject.surroundings(), shapes=shapes, scale="small")
    larger = GroupModule(group, surroundings, CPU)
    try:
        grow_modules(larger, smaller)
    except PluginError as error:
        raise ConformanceError(f"plugin '{subject.name}': {error}") from error
    batch: Batch = subject.batch(range(min(8, subject.size)))
    with torch.no_grad():
        before, after = smaller.eval()(batch), larger.eval()(batch)
    for name, tensor in subject.own(before).items():
        found = difference(tensor, after[name])
        require(subject.plugin, found <= TOLERANCE, f"output '{name}' is off by {found:.2g} after growing")
