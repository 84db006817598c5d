"""The factor on the loss without which float16 loses small gradients (Micikevicius et al. 2018)."""

from __future__ import annotations

import torch
from torch import Tensor

FIRST, LEAST = 2.0**16, 2.0**-14
GROWTH_UPDATES = 2000
"""Updates without an overflow after which the factor doubles."""


class LossScale:
    """Halves when a gradient overflows, whose update is then not made, and doubles when none has for long.

    Everything stays on the device: nothing waits for it.
    """

    def __init__(self, device: torch.device) -> None:
        self.scale = torch.full((), FIRST, device=device)
        self.clean = torch.zeros((), device=device)
        """Updates since the factor changed."""

    def update(self, norm: Tensor) -> Tensor:
        """Note the norm of a gradient; returns 1 if it overflowed, 0 otherwise."""
        overflow = ~norm.isfinite()
        clean = torch.where(overflow, 0.0, self.clean + 1)
        grown = clean >= GROWTH_UPDATES
        self.scale = self.scale * torch.where(overflow, 0.5, torch.where(grown, 2.0, 1.0))
        self.clean = torch.where(grown, 0.0, clean)
        return overflow.to(self.scale.dtype)

    def tensors(self) -> dict[str, Tensor]:
        """What a checkpoint holds of it."""
        return {"loss_scale": self.scale, "loss_scale_updates": self.clean}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take what tensors gave out of some tensors."""
        self.scale = tensors.pop("loss_scale").to(self.scale.device)
        self.clean = tensors.pop("loss_scale_updates").to(self.clean.device)
