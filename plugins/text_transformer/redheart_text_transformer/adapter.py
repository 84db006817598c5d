"""Low-rank adapters beside an encoder that stays as it is (LoRA, Hu et al. 2022).

Shapes: R the rank.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from redheart_core import SettingsError
from redheart_core.nn.bert import Bert
from redheart_core.nn.feed_forward import FeedForward, HasFeedForward, LinearMap, feed_forward_blocks, parts_are_apart

FIRST_STEP = 3e-3
"""Standard deviation of the adapters' second maps at the start. With 0 the first maps would get no gradient in the
first update; so small a number leaves the encoder nearly as it is."""
SCALE = 2.0
"""Of what an adapter adds."""


class AdaptedBase(HasFeedForward):
    """An encoder of which only the adapters are parameters; its own weights are a resource that no checkpoint holds.

    Args:
        base: The encoder.
        rank: R.
        targets: Names of the linear layers that get one; all if there are none.
        layers: Only the last so many blocks get some; without it all do.

    Raises:
        SettingsError: There is no such linear layer, or there are fewer blocks.
    """

    def __init__(self, base: nn.Module, rank: int, targets: Sequence[str], layers: int | None = None) -> None:
        super().__init__()
        base.requires_grad_(False)
        below = () if layers is None else _below(base, layers)
        kept = {id(module) for part in below for module in part.modules()}
        added: list[_Maps] = []
        for name, linear in _targets(base, targets):
            if id(linear) in kept:
                continue
            maps = _Maps(linear.in_features, linear.out_features, rank)
            _set(self, name, maps)
            _set(base, name, _Adapted(linear, maps))
            added.append(maps)
        for maps in added:
            nn.init.normal_(maps.lora_B, std=FIRST_STEP)
        self._held, self._below = (base,), below  # in tuples, so that torch does not register them

    def forward(self, **inputs: Tensor) -> Any:
        """The encoder's own output, with the adapters that this module has now."""
        return self._held[0](**inputs)

    def feed_forward(self) -> list[FeedForward]:
        return feed_forward_blocks(self._held[0])

    def train(self, mode: bool = True) -> AdaptedBase:
        self._held[0].train(mode)
        for part in self._below:
            part.eval()
        super().train(mode)
        return self

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> AdaptedBase:
        self._held[0]._apply(fn, recurse)  # type: ignore[no-untyped-call]  # torch leaves out its type
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]  # as above
        return self


class _Maps(nn.Module):
    """Two maps, of which the product is added to a linear layer.

    The random numbers are drawn in the order of the peft library, with which adapters were trained before, so that a
    seed gives the same adapters: the first map, the second and the first again.
    """

    def __init__(self, width_in: int, width_out: int, rank: int) -> None:
        super().__init__()
        self.lora_A = nn.Parameter(torch.empty(rank, width_in))
        self.lora_B = nn.Parameter(torch.empty(width_out, rank))
        for drawn in (self.lora_A, self.lora_B, self.lora_A):
            nn.init.kaiming_uniform_(drawn, a=math.sqrt(5))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(F.linear(x, self.lora_A), self.lora_B * SCALE)

    def product(self) -> Tensor:
        """Both as one map, as large as that of the linear layer."""
        return self.lora_B @ self.lora_A * SCALE


class _Adapted(LinearMap):
    """A linear layer and its adapter, which is another module's."""

    def __init__(self, linear: nn.Linear, maps: _Maps) -> None:
        super().__init__()
        self.linear = linear
        self._maps = (maps,)  # in a tuple, so that torch does not register it

    def forward(self, x: Tensor) -> Tensor:
        if torch.compiler.is_exporting() and not parts_are_apart():
            return F.linear(x, self._weight(), self.linear.bias)
        (maps,) = self._maps
        found: Tensor = self.linear(x) + maps(x)
        return found

    def merged(self) -> nn.Linear:
        linear = copy.deepcopy(self.linear)
        with torch.no_grad():
            linear.weight.copy_(self._weight())
        return linear

    def _weight(self) -> Tensor:
        (maps,) = self._maps
        return self.linear.weight + maps.product()


def _targets(base: nn.Module, targets: Sequence[str]) -> list[tuple[str, nn.Linear]]:
    """The linear layers that get an adapter, by name.

    Raises:
        SettingsError: There is no layer of such a name.
    """
    linear = [(name, module) for name, module in base.named_modules() if isinstance(module, nn.Linear)]
    known = sorted({name.rpartition(".")[2] for name, _ in linear})
    unknown = sorted(set(targets) - set(known))
    if unknown:
        raise SettingsError(
            f"lora_targets: the encoder has no linear layer {', '.join(unknown)} (layers: {', '.join(known)})"
        )
    return [(name, module) for name, module in linear if name.rpartition(".")[2] in (targets or known)]


def _below(base: nn.Module, layers: int) -> tuple[nn.Module, ...]:
    """What computes before the last so many blocks.

    Raises:
        SettingsError: The encoder is not one that redheart computes, or has fewer blocks.
    """
    if not isinstance(base, Bert):
        raise SettingsError(
            f"lora_layers = {layers}: the encoder is of the class {type(base).__name__}, and adapters of some blocks "
            "alone are for BERT, which redheart computes itself; leave it out"
        )
    blocks = list(base.encoder.layer)
    if layers > len(blocks):
        raise SettingsError(f"lora_layers = {layers}: the encoder has {len(blocks)} blocks; take at most so many")
    return (base.embeddings, *blocks[: len(blocks) - layers])


def _set(root: nn.Module, name: str, module: nn.Module) -> None:
    """Put a module under a dotted name, in the place of one that is there."""
    *path, last = name.split(".")
    for part in path:
        if part not in root._modules:
            root.add_module(part, nn.Module())
        root = root.get_submodule(part)
    root.add_module(last, module)
