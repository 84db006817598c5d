"""Check that a node that declares how it grows computes the same at a larger scale, and learns with all of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs
import torch
from torch import Tensor

from redheart_core.contract.errors import PluginError
from redheart_core.contract.nodes import VIEWS
from redheart_core.data.batch import Batch
from redheart_core.groups.active import ActiveNode
from redheart_core.groups.graph import output_shapes, plan_groups
from redheart_core.groups.group_module import CPU, GroupModule, call_node, node_inputs, stored_name
from redheart_core.groups.objective import training_loss
from redheart_core.testing.plugin import ConformanceError, NotApplicable, require
from redheart_core.testing.subject import SEED, Subject
from redheart_core.training.growing import difference, grow_modules, grown_node

EXACT = 1e-11
"""Of outputs in double precision, where what is computed exactly differs by rounding alone, some 1e-14."""
SHAKEN = 0.2
"""Standard deviation of what is added to every weight, so that none is 0 as it may begin."""
UPDATES = 3
"""After which what begins at 0 has let a gradient through to what is below it."""
MOVED = 0.01
"""By which the weight of a tensor with the largest gradient moves in an update."""
ALIKE = 1e-5
"""Difference of two gradients, beside their size, up to which they are equal but for rounding; and the size, beside
that of the largest one, up to which a gradient is rounding itself."""


def check_grows(subject: Subject) -> None:
    """At the scale small it takes over what it computes at tiny, and learns with all of it; or it keeps its size."""
    own = {node.name for node in subject.group.nodes}
    if subject.node.spec.grown is None:
        raise NotApplicable("it declares no way to grow, and keeps its size when others do")
    nodes = [grown_node(node, "small") if node.name in own else node for node in subject.nodes]
    smaller = shaken(subject.module()).double()
    larger = grown(subject, nodes, smaller)
    batch: Batch = subject.batch(range(min(8, subject.size)))
    before, after = double_outputs(smaller, batch), double_outputs(larger, batch)
    for name, tensor in subject.own(before).items():
        found = difference(tensor, after[name])
        require(
            subject.plugin,
            tensor.dtype == torch.float64,
            f"output '{name}' is {str(tensor.dtype).removeprefix('torch.')} where weights and inputs are float64; what "
            "grows is compared without the rounding of single precision, so compute in the type of the inputs",
        )
        require(
            subject.plugin,
            found <= EXACT,
            f"output '{name}' is off by {found:.2g} after growing, in double precision, at most {EXACT:.0e} is allowed",
        )
    stuck = [name for name in stuck_together(larger.float(), [batch] * UPDATES) if name.startswith(f"{subject.name}.")]
    require(
        subject.plugin,
        not stuck,
        f"units of {', '.join(stuck)} have equal weights after growing and get equal gradients, so they would stay "
        "equal or idle for ever; fill what reads them with different weights (redheart_core.nn.growing does)",
    )


def shaken(module: GroupModule, spread: float = SHAKEN) -> GroupModule:
    """With weights that are none of those it began with."""
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator).to(parameter.dtype), alpha=spread)
    return module


def grown(subject: Subject, nodes: Sequence[ActiveNode], smaller: GroupModule) -> GroupModule:
    """The group of a subject at the settings of these nodes, with what a smaller one computes.

    Raises:
        ConformanceError: A node cannot take it over.
    """
    group = next(group for group in plan_groups(nodes) if group.name == subject.group.name)
    views = {view: subject.records.inputs[view].shape[-1] for view in VIEWS if view in subject.records.inputs}
    shapes = output_shapes(nodes, subject.fields, views["embedding"], views.get("terms", 0), subject.tokenizers)
    surroundings = attrs.evolve(subject.surroundings(), shapes=shapes, scale="small")
    larger = GroupModule(group, surroundings, CPU).to(next(iter(smaller.parameters())).dtype)
    try:
        grow_modules(larger, smaller)
    except PluginError as error:
        raise ConformanceError(f"plugin '{subject.name}': {error}") from error
    return larger


@torch.no_grad()
def double_outputs(module: GroupModule, batch: Batch) -> dict[str, Tensor]:
    """What a group of float64 weights gives, "node.output" to (B, *shape), as its own forward takes float32 alone.

    Raises:
        PluginError: A module does not compute in the type of its inputs.
    """
    module.eval()
    known = {name: one.double() if one.is_floating_point() else one for name, one in batch.inputs.items()}
    outputs: dict[str, Tensor] = {}
    for node in module.group.nodes:
        given = call_node(node, module.nodes[node.name], node_inputs(node, known))
        own = {f"{node.name}.{output}": tensor for output, tensor in given.items()}
        known |= own
        outputs |= own
    return outputs


def stuck_together(module: GroupModule, batches: Sequence[Batch]) -> list[str]:
    """Parameters of which equal units still get equal gradients, or none, behind an update by each batch but the last.

    Dropout, which would tell copies of a unit apart, is off.
    """
    alike = {name: list(_equal_slices(tensor.detach())) for name, tensor in module.named_parameters()}
    module.eval()
    for number, batch in enumerate(batches):
        module.zero_grad(set_to_none=True)
        loss = training_loss(module, module(batch, compare=True), batch)
        assert loss is not None
        loss.backward()  # type: ignore[no-untyped-call]
        if number < len(batches) - 1:
            with torch.no_grad():
                for parameter in module.parameters():
                    if parameter.grad is not None and parameter.grad.abs().max() > 0:
                        parameter.sub_(MOVED * parameter.grad / parameter.grad.abs().max())
    return [
        stored_name(name)
        for name, parameter in module.named_parameters()
        if parameter.requires_grad and any(_same(parameter.grad, dim, places) for dim, places in alike[name])
    ]


def _equal_slices(weight: Tensor) -> Iterator[tuple[int, Tensor]]:
    """Axes of a matrix, or of several, and places along them at which the numbers are the same."""
    for dim in range(weight.dim() if weight.dim() > 1 else 0):
        slices = weight.movedim(dim, 0).flatten(1)
        if slices.shape[1] > 1:
            _, kind, count = torch.unique(slices, dim=0, return_inverse=True, return_counts=True)
            for same in (count > 1).nonzero().flatten():
                yield dim, (kind == same).nonzero().flatten()


def _same(gradient: Tensor | None, dim: int, places: Tensor) -> bool:
    """Whether one of these slices has no gradient, or most have that of another: a pair may be as good as equal by
    chance."""
    if gradient is None:
        return True
    slices = gradient.movedim(dim, 0).flatten(1)
    sizes, largest = slices.norm(dim=1)[places], slices.norm(dim=1).max()
    apart = torch.cdist(slices[places], slices[places], compute_mode="donot_use_mm_for_euclid_dist")
    apart = apart + torch.diag(torch.full((len(places),), torch.inf, dtype=slices.dtype))
    twins = apart.amin(1) <= ALIKE * sizes
    return bool((sizes <= ALIKE * largest).any()) or 2 * int(twins.sum()) > len(places)
