"""Low-rank adapters beside an encoder that stays as it is (LoRA, Hu et al. 2022), by the peft library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn
from torch.func import functional_call

from redheart_core import SettingsError

FIRST_STEP = 3e-3
"""Standard deviation of the adapters' second maps at the start. Peft begins with 0, which gives the first maps no
gradient in the first update; so small a number leaves the encoder nearly as it is."""


class AdaptedBase(nn.Module):
    """An encoder of which only the adapters are parameters; its own weights are a resource that no checkpoint holds.

    Args:
        base: The encoder.
        rank: Of the adapters; they are scaled by 2, as if alpha were twice the rank.
        targets: Names of the linear layers that get one; all if there are none.
    """

    def __init__(self, base: nn.Module, rank: int, targets: Sequence[str]) -> None:
        super().__init__()
        adapted = _adapt(base, rank, targets)
        self._held = (adapted,)  # in a tuple, so that torch does not register it
        self._names: dict[str, str] = {}
        for name, parameter in adapted.named_parameters():
            if not parameter.requires_grad:
                continue
            if ".lora_B." in name:
                nn.init.normal_(parameter, std=FIRST_STEP)
            inner = name.replace(".default.weight", "")
            _register(self, inner, parameter)
            self._names[inner] = name

    def forward(self, **inputs: Tensor) -> Any:
        """The encoder's own output, with the parameters that this module has now."""
        own = dict(self.named_parameters())
        return functional_call(self._held[0], {full: own[name] for name, full in self._names.items()}, (), inputs)

    def train(self, mode: bool = True) -> AdaptedBase:
        self._held[0].train(mode)
        super().train(mode)
        return self

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> AdaptedBase:
        self._held[0]._apply(fn, recurse)  # type: ignore[no-untyped-call]  # torch leaves out its type
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]  # as above
        return self


def _adapt(base: nn.Module, rank: int, targets: Sequence[str]) -> nn.Module:
    import peft

    linear = sorted({name.rpartition(".")[2] for name, module in base.named_modules() if isinstance(module, nn.Linear)})
    unknown = sorted(set(targets) - set(linear))
    if unknown:
        raise SettingsError(
            f"lora_targets: the encoder has no linear layer {', '.join(unknown)} (layers: {', '.join(linear)})"
        )
    config = peft.LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=list(targets or linear))
    adapted: nn.Module = peft.inject_adapter_in_model(config, base)
    return adapted


def _register(root: nn.Module, name: str, parameter: nn.Parameter) -> None:
    """Make a parameter known under a dotted name."""
    *path, last = name.split(".")
    for part in path:
        inner = dict(root.named_children()).get(part)
        if inner is None:
            inner = nn.Module()
            root.add_module(part, inner)
        root = inner
    root.register_parameter(last, parameter)
