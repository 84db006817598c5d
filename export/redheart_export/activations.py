"""What the hidden units of feed-forward blocks do on records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack

import torch
from torch import Tensor, nn

from redheart_core.contract.errors import PluginError
from redheart_core.groups.serving import serves
from redheart_core.models.model import Model
from redheart_core.nn.feed_forward import FeedForward, feed_forward_blocks
from redheart_export.graph import Graph
from redheart_export.hidden_units import Moments
from redheart_export.inputs import ModelInputs, unpadded

TOLERANCE = 1e-4
"""Largest change of a hidden unit when others of its block change; beside it that share of the number."""


def count_activations(
    model: Model, graphs: Mapping[str, Graph], inputs: Iterable[ModelInputs]
) -> dict[str, list[Moments]]:
    """By graph the moments of each of its blocks, as feed_forward_blocks has them.

    Args:
        model: Answers for the groups that others read.
        graphs: By group.
        inputs: Records; those that a group does not serve do not count for it.

    Raises:
        PluginError: What a plugin declares as a feed-forward block is none.
    """
    blocks = {name: feed_forward_blocks(graph) for name, graph in graphs.items()}
    moments = {name: [Moments(one.maps()[0].out_features) for one in own] for name, own in blocks.items()}
    lower = any("." in read for graph in graphs.values() for read in graph.reads)
    checked = set[str]()
    with torch.no_grad():
        for known in unpadded(model, inputs, lower):
            for name, graph in graphs.items():
                served = serves(model.modules[name].group, known["language"])
                if not bool(served.any()):
                    continue
                read = [known[one][served] for one in graph.reads]
                if name not in checked:
                    for block in blocks[name]:
                        _check_apart(graph, block, read, model.modules[name].group.name)
                    checked.add(name)
                with ExitStack() as hooks:
                    for block, own in zip(blocks[name], moments[name], strict=True):
                        hooks.enter_context(_second(block).register_forward_pre_hook(_adding_to(own)))
                    for member in graph.members:
                        member(*read)
    return moments


def _second(block: FeedForward) -> nn.Module:
    return block.module.get_submodule(block.second)


def _adding_to(moments: Moments) -> Callable[[nn.Module, tuple[Tensor]], None]:
    def add(_: nn.Module, given: tuple[Tensor]) -> None:
        moments.add(given[0])

    return add


def _appending_to(tensors: list[Tensor]) -> Callable[[nn.Module, tuple[Tensor]], None]:
    def append(_: nn.Module, given: tuple[Tensor]) -> None:
        tensors.append(given[0])

    return append


def _check_apart(graph: Graph, block: FeedForward, read: Sequence[Tensor], group: str) -> None:
    """Refuse a block whose hidden units depend on each other: without every other unit the rest has to stay the same.

    Raises:
        PluginError: They change.
    """

    def without(_: nn.Module, given: tuple[Tensor], result: Tensor) -> Tensor:
        result = result.clone()
        result[..., ::2] = 0
        return result

    found: list[list[Tensor]] = [[], []]
    for one, change in zip(found, (False, True), strict=True):
        with ExitStack() as hooks:
            if change:
                first = block.module.get_submodule(block.first)
                hooks.enter_context(first.register_forward_hook(without))
            hooks.enter_context(
                _second(block).register_forward_pre_hook(lambda _, given, one=one: one.append(given[0]))
            )
            for member in graph.members:
                member(*read)
    if not found[0] or any(
        not torch.allclose(one[..., 1::2], other[..., 1::2], TOLERANCE, TOLERANCE, equal_nan=True)
        for one, other in zip(*found, strict=True)
    ):
        raise PluginError(
            f"group '{group}': {type(block.module).__name__} declares '{block.first}' and '{block.second}' as a "
            "feed-forward block, but what the second reads of a unit depends on other units, as after a norm; declare "
            "only blocks with an activation of each unit by itself"
        )
