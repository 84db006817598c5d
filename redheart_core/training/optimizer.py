"""AdamW of a group, and the learning-rate scale of each of its parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import nn

from redheart_core.config.tables import OptimizerBits
from redheart_core.groups.active import ActiveNode
from redheart_core.groups.group import Group
from redheart_core.groups.residual import is_gate
from redheart_core.training.low_bits import LowBitAdamW
from redheart_core.training.state_codes import require_torchao

GATE_RATE = 10.0
"""Rate of a gate beside that of its node: one that begins at zero has to grow to the order of 1."""


def make_optimizer(
    parameters: Mapping[str, nn.Parameter],
    rates: Mapping[str, float],
    peak: float,
    weight_decay: float,
    bits: OptimizerBits,
) -> torch.optim.AdamW:
    """AdamW with one parameter group per rate and decay; vectors (biases, norms) do not decay.

    Raises:
        SettingsError: The library that states of fewer than 32 bits need is not installed.
    """
    members: dict[tuple[float, float], list[str]] = {}
    for name, parameter in parameters.items():
        decay = weight_decay if parameter.dim() > 1 else 0.0
        members.setdefault((rates[name], decay), []).append(name)
    groups = [
        {"params": [parameters[name] for name in names], "scale": rate, "weight_decay": decay}
        for (rate, decay), names in members.items()
    ]
    if bits == 32:
        return torch.optim.AdamW(groups, lr=peak, fused=True)
    require_torchao(bits)
    return LowBitAdamW(groups, peak, bits)


def parameter_rates(group: Group, names: list[str], layer_decay: float) -> dict[str, float]:
    """Learning-rate scale of each parameter: the plugin's, times layer_decay per layer below its last.

    A plugin declares its layers in NodeSpec.layers, from input to output. A parameter that no prefix
    matches counts to the last layer. Gates have GATE_RATE times the rate.
    """
    rates = {}
    for node in group.nodes:
        own = [name.partition(".")[2] for name in names if name.partition(".")[0] == node.name]
        layers = node_layers(node, own)
        for inner in own:
            depth = next(
                (index for index, prefix in enumerate(layers) if inner == prefix or inner.startswith(prefix + ".")),
                len(layers) - 1,
            )
            below = max(len(layers) - 1, 0) - max(depth, 0)
            name = f"{node.name}.{inner}"
            own_rate = node.learning_rate_scale * (GATE_RATE if is_gate(name) else 1.0)
            rates[name] = own_rate * layer_decay**below
    return rates


def node_layers(node: ActiveNode, names: Sequence[str]) -> list[str]:
    """The layers that a plugin declares (NodeSpec.layers), from input to output, among its module's parameters."""
    return [layer for prefix in node.spec.layers for layer in _expand(prefix, names)]


def _expand(prefix: str, names: Sequence[str]) -> list[str]:
    """The layers that a prefix of NodeSpec.layers stands for among these names."""
    if "|" in prefix:
        found = [one for one in prefix.split("|") if any(name.startswith(one.removesuffix("*")) for name in names)]
        return [layer for one in found for layer in _expand(one, names)]
    if not prefix.endswith(".*"):
        return [prefix]
    stem = prefix.removesuffix("*")
    numbers = {int(name.removeprefix(stem).partition(".")[0]) for name in names if name.startswith(stem)}
    return [f"{stem}{number}" for number in sorted(numbers)]
