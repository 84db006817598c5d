"""Graphs without a share of the hidden units of their feed-forward blocks."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping

import attrs
import torch
from torch import Tensor, nn

from redheart_core.contract.errors import DataError, SettingsError
from redheart_core.groups.exporting import why_not_exported
from redheart_core.models.model import Model
from redheart_core.nn.feed_forward import FeedForward, feed_forward_blocks
from redheart_export.activations import count_activations
from redheart_export.graph import Graph
from redheart_export.hidden_units import Moments, remove_units
from redheart_export.inputs import ModelInputs

ROWS = 2
"""So many times as many activations as units are needed; with fewer, least squares fits what is theirs alone."""


@attrs.frozen(eq=False)
class Pruning:
    """What is removed of feed-forward blocks, and by what it is chosen."""

    share: float
    """Of the hidden units of each block, above 0 and below 1."""
    inputs: Iterable[ModelInputs]
    """Records by whose activations units are chosen."""
    source: str
    """Where these are from, for people."""


def check_share(share: float) -> None:
    """Refuse a share of hidden units that cannot be removed.

    Raises:
        SettingsError: It is not above 0 and below 1.
    """
    if not 0 < share < 1:
        raise SettingsError(f"prune expects the share of hidden units to remove, above 0 and below 1; got {share:g}")


def count_units(graph: Graph) -> int:
    """Hidden units of the feed-forward blocks of all members."""
    return sum(block.maps()[0].out_features for block in feed_forward_blocks(graph))


def prune_graphs(model: Model, graphs: Mapping[str, Graph], pruning: Pruning) -> dict[str, Graph]:
    """Graphs with smaller feed-forward blocks.

    Args:
        model: Answers for the groups that others read.
        graphs: By group; they stay as they are.
        pruning: What is removed, rounded down to units in each block.

    Returns:
        Copies of the graphs that have such blocks and can be exported; the others themselves.

    Raises:
        DataError: The records give fewer activations than a block has units.
        PluginError: What a plugin declares as a feed-forward block is none.
        SettingsError: There is no such share.
    """
    check_share(pruning.share)
    pruned = {
        name: _copied(graph)
        for name, graph in graphs.items()
        if count_units(graph) and not why_not_exported(model.modules[name].group)
    }
    moments = count_activations(model, pruned, pruning.inputs)
    for name, graph in pruned.items():
        for block, own in zip(feed_forward_blocks(graph), moments[name], strict=True):
            _require_rows(name, own)
            _remove(block, own, pruning.share)
    return {**graphs, **pruned}


def _copied(graph: Graph) -> Graph:
    """A graph whose members have weights of their own."""
    found = copy.copy(graph)
    found._modules = {**graph._modules, "members": copy.deepcopy(graph.members)}
    return found


def _require_rows(group: str, moments: Moments) -> None:
    if moments.rows < ROWS * moments.units:
        raise DataError(
            f"group '{group}' has feed-forward blocks of {moments.units} hidden units, which are chosen on at least "
            f"{ROWS * moments.units} tokens or chunks; those to prune on have {moments.rows}: give more texts"
        )


def _remove(block: FeedForward, moments: Moments, share: float) -> None:
    """Replace the maps of a block by smaller ones."""
    first, second = block.maps()
    bias = second.weight.new_zeros(second.out_features) if second.bias is None else second.bias
    weights = torch.cat([second.weight, bias[:, None]], 1).detach().double().T.numpy()
    left = remove_units(moments.mean(), weights, moments.units - int(share * moments.units))
    units, corrected = torch.tensor(left.units), torch.from_numpy(left.weights)
    own_bias = None if first.bias is None else first.bias[units]
    block.replace(_linear(first.weight[units], own_bias), _linear(corrected[:-1].T, corrected[-1]))


def _linear(weight: Tensor, bias: Tensor | None) -> nn.Linear:
    found = nn.Linear(weight.shape[1], weight.shape[0], bias is not None, device="meta").to_empty(device="cpu")
    with torch.no_grad():
        found.weight.copy_(weight)
        if bias is not None:
            found.bias.copy_(bias)
    return found
