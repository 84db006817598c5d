"""Larger layers that compute what smaller ones do (Net2Net, Chen et al. 2016; LEMON, Wang et al. 2024).

An axis of a larger layer repeats the units of a smaller one and has new units besides. What reads it divides a weight
by the number of its unit's copies, and what the copies get beyond that cancels, so that they learn apart. New units
before a layer norm are the mean of the old ones: the norm turns them to 0, whatever the record. All other new units are
what the larger layer was initialised with, and what reads them begins at 0.
"""

from __future__ import annotations

import math
from typing import Protocol, TypeVar, runtime_checkable

import torch
from torch import nn

from redheart_core.contract.errors import SettingsError
from redheart_core.nn.attention import Attention, AttentionPooling, TransformerLayer
from redheart_core.nn.growing_axes import NEW, Axis, Fill, grown_bias, grown_weight
from redheart_core.nn.layers import Residual
from redheart_core.nn.parallel import Mixture, ParallelLinear, ParallelNorm
from redheart_core.nn.recurrent import Recurrent

Norm = nn.LayerNorm | ParallelNorm

Smaller = TypeVar("Smaller", contravariant=True)


@runtime_checkable
class Growing(Protocol[Smaller]):
    """A module that takes over what a smaller one of its own class computes."""

    def grow_from(self, smaller: Smaller) -> None:
        """Set all parameters; outputs of the form "features" repeat those of the smaller one."""


@torch.no_grad()
def grow_linear(
    larger: nn.Module, smaller: nn.Module, columns: Axis, rows: Axis, fill: Fill = "initial", scale: float = 1.0
) -> None:
    """A linear layer, or several side by side, that reads columns and gives rows."""
    if isinstance(larger, ParallelLinear) and isinstance(smaller, ParallelLinear):
        shape = (len(larger.weight), -1)
        weight = grown_weight(larger.weight.mT, smaller.weight.mT, rows, columns, fill, scale).mT
        bias = grown_bias(larger.bias.view(shape), smaller.bias.view(shape), rows, fill, scale).flatten()
        larger.bias.copy_(bias)
    else:
        assert isinstance(larger, nn.Linear)
        assert isinstance(smaller, nn.Linear)
        weight = grown_weight(larger.weight, smaller.weight, rows, columns, fill, scale)
        if larger.bias is not None:
            larger.bias.copy_(grown_bias(larger.bias, smaller.bias, rows, fill, scale))
    larger.weight.copy_(weight)


@torch.no_grad()
def grow_norm(larger: Norm, smaller: Norm, axis: Axis) -> Axis:
    """A layer norm over units of which the new ones are their mean and the old ones were multiplied by axis.spread."""
    weight, bias = (tensor.view(-1, axis.old)[:, axis.source.clamp(0)] for tensor in (smaller.weight, smaller.bias))
    larger.weight.copy_(torch.where(axis.new, 1.0, weight / axis.spread).view_as(larger.weight))
    larger.bias.copy_(torch.where(axis.new, 0.0, bias).view_as(larger.bias))
    return Axis(axis.source, silent=True)


def grow_chain(larger: nn.Module, smaller: nn.Module, columns: Axis, rows: Axis | None = None) -> Axis:
    """An mlp, trunk or ParallelMlp, all of whose hidden widths grow.

    Args:
        larger: Of the same layers as smaller.
        smaller: Any.
        columns: What it reads.
        rows: What it gives; the old units and then new ones if left out.

    Returns:
        What it gives; new units are 0.
    """
    norms = list(zip(_norms(larger), _norms(smaller), strict=True))
    linears = list(zip(_affine(larger), _affine(smaller), strict=True))
    for number, (new, old) in enumerate(linears):
        last = rows if number == len(linears) - 1 else None
        axis = last or Axis.padded(_width(old), _width(new), silent=True)
        if number < len(norms):
            grow_linear(new, old, columns, axis, "mean", axis.spread)
            columns = grow_norm(*norms[number], axis)
        else:
            grow_linear(new, old, columns, axis, "zero")
            columns = axis
    return columns


def features_read(larger: nn.Module, smaller: nn.Module) -> Axis:
    """How what a chain reads from a node that has grown stands to what it read before."""
    new, old = _affine(larger)[0], _affine(smaller)[0]
    assert isinstance(new, nn.Linear)
    assert isinstance(old, nn.Linear)
    return Axis.repeated(old.in_features, new.in_features)


def _affine(module: nn.Module) -> list[nn.Module]:
    return [one for one in module.modules() if isinstance(one, nn.Linear | ParallelLinear)]


def _norms(module: nn.Module) -> list[Norm]:
    return [one for one in module.modules() if isinstance(one, nn.LayerNorm | ParallelNorm)]


def _width(layer: nn.Module) -> int:
    """How many units a linear layer gives."""
    if isinstance(layer, ParallelLinear):
        return layer.weight.shape[-1]
    assert isinstance(layer, nn.Linear)
    return layer.out_features


def grow_mixture(larger: Mixture, smaller: Mixture, columns: Axis) -> None:
    """A mixture of as many experts."""
    grow_chain(larger.gate, smaller.gate, columns)
    grow_chain(larger.experts, smaller.experts, columns)


@torch.no_grad()
def grow_attention(larger: Attention, smaller: Attention, queries: Axis, memory: Axis, rows: Axis) -> Axis:
    """Attention whose heads become more and wider; new units of its result are 0.

    Raises:
        SettingsError: A head, or their number, would shrink.
    """
    if larger.heads < smaller.heads:
        raise SettingsError(
            f"attention with {smaller.heads} heads cannot take over to {larger.heads}; set heads to more"
        )
    size, old_size = (one.query.out_features // one.heads for one in (larger, smaller))
    within = Axis.padded(old_size, size).source
    old_heads = torch.where(within == NEW, NEW, within + old_size * torch.arange(smaller.heads).unsqueeze(1)).flatten()
    inner = Axis(torch.cat([old_heads, torch.full(((larger.heads - smaller.heads) * size,), NEW)]))
    # scores are divided by the root of a head's size; keys of an old head have nothing in its new places
    grow_linear(larger.query, smaller.query, queries, inner, scale=math.sqrt(size / old_size))
    grow_linear(larger.key, smaller.key, memory, inner)
    larger.key.weight[: len(old_heads)][old_heads == NEW] = 0.0
    grow_linear(larger.value, smaller.value, memory, inner)
    grow_linear(larger.out, smaller.out, inner, rows, "zero")
    return Axis(rows.source, silent=True)


def grow_residual(larger: Residual, smaller: Residual, stream: Axis) -> None:
    """A residual layer on a stream whose units are repeated."""
    columns = grow_norm(larger.norm, smaller.norm, stream)
    (into, back), (old_into, old_back) = _affine(larger.inner), _affine(smaller.inner)
    hidden = Axis.padded(_width(old_into), _width(into))
    grow_linear(into, old_into, columns, hidden)
    grow_linear(back, old_back, hidden, stream)


def grow_transformer(larger: TransformerLayer, smaller: TransformerLayer, stream: Axis) -> None:
    """A transformer layer on a stream whose units are repeated."""
    columns = grow_norm(larger.norm, smaller.norm, stream)
    grow_attention(larger.attention, smaller.attention, columns, columns, stream)
    grow_residual(larger.residual, smaller.residual, stream)


def grow_layers(larger: nn.ModuleList | nn.Sequential, smaller: nn.ModuleList | nn.Sequential, stream: Axis) -> None:
    """Residual or transformer layers; those beyond the old ones begin by adding nothing.

    Raises:
        SettingsError: They would become fewer.
    """
    layers, old_layers = list(larger), list(smaller)
    if len(layers) < len(old_layers):
        raise SettingsError(f"{len(old_layers)} layers cannot become {len(layers)}; set as many or more")
    for layer, old in zip(layers[: len(old_layers)], old_layers, strict=True):
        if isinstance(layer, TransformerLayer) and isinstance(old, TransformerLayer):
            grow_transformer(layer, old, stream)
        else:
            assert isinstance(layer, Residual)
            assert isinstance(old, Residual)
            grow_residual(layer, old, stream)
    for layer in layers[len(old_layers) :]:
        for part in layer.modules():
            if isinstance(part, Attention):
                _silence(part.out)
            if isinstance(part, Residual):
                _silence(_affine(part.inner)[-1])


def _silence(layer: nn.Module) -> None:
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)


@torch.no_grad()
def grow_pooling(larger: AttentionPooling, smaller: AttentionPooling, columns: Axis) -> None:
    """Attention pooling with as many copies."""
    copies, old = smaller.score.shape
    hidden = Axis.padded(old, larger.score.shape[1])
    new_weight, old_weight, new_bias, old_bias = (
        tensor.view(copies, -1, *tensor.shape[1:])
        for tensor in (larger.hidden.weight, smaller.hidden.weight, larger.hidden.bias, smaller.hidden.bias)
    )
    new_weight.copy_(grown_weight(new_weight, old_weight, hidden, columns))
    new_bias.copy_(grown_bias(new_bias, old_bias, hidden))
    larger.score.copy_(grown_bias(larger.score, smaller.score, hidden, "zero"))


@torch.no_grad()
def grow_recurrent(larger: nn.Module, smaller: nn.Module, columns: Axis, *, repeats: bool = False) -> Axis:
    """LSTM layers, as many as before.

    Args:
        larger: A Recurrent.
        smaller: Another one.
        columns: What it reads.
        repeats: Whether each state stands there again and again, as a layer norm or a residual stream behind it needs;
            otherwise there are new states.

    Raises:
        SettingsError: There would be more or fewer layers.
    """
    assert isinstance(larger, Recurrent)
    assert isinstance(smaller, Recurrent)
    if len(larger.forwards) != len(smaller.forwards):
        raise SettingsError(
            f"{len(smaller.forwards)} recurrent layers cannot become {len(larger.forwards)}, as none can begin by "
            "changing nothing; keep their number"
        )
    for number, (new, old) in enumerate(zip(larger.forwards, smaller.forwards, strict=True)):
        given, wanted = (one.get_parameter("weight_hh_l0").shape[1] for one in (old, new))
        states = Axis.repeated(given, wanted) if repeats else Axis.padded(given, wanted)
        _grow_gates(new, old, columns, states, 4)
        if larger.backwards:
            _grow_gates(larger.backwards[number], smaller.backwards[number], columns, states, 4)
            states = Axis.joined(states, states)
        columns = states
    return columns


@torch.no_grad()
def grow_gru(larger: nn.Module, smaller: nn.Module, columns: Axis, states: Axis) -> Axis:
    """A GRU in one direction of as many layers, or its cell, whose states become as given."""
    _grow_gates(larger, smaller, columns, states, 3)
    return states


def _grow_gates(larger: nn.Module, smaller: nn.Module, columns: Axis, states: Axis, count: int) -> None:
    """Recurrent layers in one direction; torch puts the weights of their gates one below the other."""
    for name, tensor in larger.named_parameters():
        gates, old_gates = (one.view(count, -1, *one.shape[1:]) for one in (tensor, smaller.get_parameter(name)))
        if name.startswith("bias"):
            gates.copy_(grown_bias(gates, old_gates, states))
        else:
            reads = columns if name in ("weight_ih", "weight_ih_l0") else states
            gates.copy_(grown_weight(gates, old_gates, states, reads))


@torch.no_grad()
def grow_convolution(
    larger: nn.Module, smaller: nn.Module, columns: Axis, rows: Axis, fill: Fill = "initial", scale: float = 1.0
) -> None:
    """A convolution of the same kernel that reads channels and gives others."""
    weight, old = larger.get_parameter("weight"), smaller.get_parameter("weight")
    places, old_places = (one.flatten(2).permute(2, 0, 1) for one in (weight, old))
    grown = grown_weight(places, old_places, rows, columns, fill, scale)
    bias = larger.get_parameter("bias")
    bias.copy_(grown_bias(bias, smaller.get_parameter("bias"), rows, fill, scale))
    weight.copy_(grown.permute(1, 2, 0).view_as(weight))


@torch.no_grad()
def grow_own(larger: nn.Module, smaller: nn.Module, last: Axis | None = None) -> None:
    """Parameters that a module holds itself, outside of its layers: as they were, or with another last axis, on which
    new units are 0."""
    for name, parameter in larger.named_parameters(recurse=False):
        old = smaller.get_parameter(name)
        parameter.copy_(old if last is None else torch.where(last.new, 0.0, old[..., last.source.clamp(0)]))


def grow_same(larger: nn.Module, smaller: nn.Module) -> None:
    """What has the same shapes at every scale, such as linear skips."""
    larger.load_state_dict(smaller.state_dict())
