"""AdamW whose moments have 8 or 4 bits between updates (torchao; Dettmers et al. 2022, Li et al. 2023)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from redheart_core.contract.errors import SettingsError
from redheart_core.training.state_codes import BLOCKS, Bits, state_codes

LEAST = 4096
"""Numbers of a parameter from which on its moments have few bits; those of smaller ones stay float32, as torchao's."""
CHUNK = 1 << 17
"""Numbers that are computed at a time: they fit into a cache, and what is computed of them takes little memory."""

Layout = Mapping[str, tuple[torch.Size, torch.dtype]]
"""Shapes and types of the tensors of a parameter's state, all of which begin as zeros."""


def state_layout(parameter: Tensor, bits: int) -> Layout:
    """What AdamW holds for a parameter between updates, where its moments may have so many bits."""
    layout = {"step": (torch.Size(), torch.float32)}
    if not has_few_bits(parameter, bits):
        return layout | dict.fromkeys(("exp_avg", "exp_avg_sq"), (parameter.shape, parameter.dtype))
    count = parameter.numel()
    codes = parameter.shape if bits == 8 else torch.Size([count // 2])
    for moment in ("exp_avg", "exp_avg_sq"):
        layout[f"{moment}.codes"] = codes, torch.uint8
        layout[f"{moment}.scale"] = torch.Size([count // BLOCKS[bits]]), torch.float32
    return layout


def has_few_bits(parameter: Tensor, bits: int) -> bool:
    """Whether the moments of a parameter have fewer bits than 32."""
    if bits == 32 or parameter.dtype != torch.float32 or not parameter.is_contiguous():
        return False
    return parameter.numel() >= LEAST and parameter.numel() % BLOCKS[bits] == 0


def require_few_bits(group: str, parameters: Iterable[Tensor], bits: int) -> None:
    """Refuse a setting of a group that changes nothing.

    Raises:
        SettingsError: None of its parameters has few bits.
    """
    if not any(has_few_bits(parameter, bits) for parameter in parameters):
        raise SettingsError(
            f"[groups.{group}] optimizer_bits = {bits} has no effect: no parameter of the group has {LEAST} numbers or "
            f"more, in whole blocks of {BLOCKS[bits]}, and the moments of smaller ones stay float32; leave it out"
        )


class LowBitAdamW(torch.optim.AdamW):
    """The same updates as torchao's AdamW8bit and AdamW4bit, to the last bit, of parameters with few bits.

    All others are updated by the fused AdamW, as with 32 bits. found_inf and grad_scale are read as it reads them; on a
    device that runs behind its processor reading found_inf waits for it.
    """

    found_inf: Tensor | None = None
    grad_scale: Tensor | None = None

    def __init__(self, groups: Iterable[dict[str, Any]], lr: float, bits: Bits) -> None:
        super().__init__(groups, lr=lr, fused=True)
        self.bits = bits
        few = [one for group in self.param_groups for one in group["params"] if has_few_bits(one, bits)]
        self.few = frozenset(few)
        """The parameters whose moments have few bits."""

    def new_state(self, parameter: Tensor) -> dict[str, Tensor]:
        """What a parameter begins with."""
        layout = state_layout(parameter, self.bits)
        return {key: torch.zeros(shape, dtype=dtype, device=parameter.device) for key, (shape, dtype) in layout.items()}

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override] # no overloads
        """Update every parameter that has a gradient; what the closure returned, if there is one."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        held = [
            (parameter, parameter.grad, group)
            for group in self.param_groups
            for parameter in group["params"]
            if parameter.grad is not None and parameter in self.few
        ]
        for parameter, _, _ in held:
            parameter.grad = None
        try:
            super().step()
        finally:
            for parameter, gradient, _ in held:
                parameter.grad = gradient
        if self.found_inf is None or not bool(self.found_inf):
            for parameter, gradient, group in held:
                self._update(parameter, gradient, self.state[parameter], group)
        return loss

    def _update(self, parameter: nn.Parameter, gradient: Tensor, state: dict[str, Tensor], group: Any) -> None:
        codes, block = state_codes(self.bits, parameter.device), BLOCKS[self.bits]
        if not state:
            state.update(self.new_state(parameter))
        state["step"] += 1
        (beta1, beta2), eps, decay = group["betas"], group["eps"], group["weight_decay"]
        rate = torch.tensor(group["lr"], dtype=torch.float32)
        first, second = 1 - beta1 ** state["step"], (1 - beta2 ** state["step"]).sqrt()
        whole, slopes = parameter.detach().view(-1), gradient.reshape(-1)
        for start in range(0, len(whole), CHUNK):
            end = min(start + CHUNK, len(whole))
            part, slope = whole[start:end], slopes[start:end]
            if self.grad_scale is not None:
                slope = slope / self.grad_scale
            moments = []
            for moment, signed, value, beta in (
                ("exp_avg", True, slope, beta1),
                ("exp_avg_sq", False, slope.square(), beta2),
            ):
                written = state[f"{moment}.codes"].view(-1)[start * self.bits // 8 : end * self.bits // 8]
                scale = state[f"{moment}.scale"][start // block : end // block]
                found = codes.read(written, scale, signed).lerp_(value, 1 - beta)
                codes.write(found, signed, written, scale)
                moments.append(found)
            mean, square = moments
            if decay:
                part -= rate * decay * part
            part -= mean.div_(first).mul_(rate).div_(square.sqrt_().div_(second).add_(eps))
