"""Losses and gradient norms of updates, which stay on their device until a window of them is read at once."""

from __future__ import annotations

import math

import attrs
import torch
from torch import Tensor

WINDOW = 64
"""Updates whose numbers are read together where a device runs behind its processor; each reading waits for it."""


@attrs.frozen(eq=False)
class Update:
    """What an update of the weights leaves to be read."""

    epoch: int
    step: int
    size: int
    """Records of its batch."""
    loss: Tensor
    norm: Tensor
    """Of the gradient before clipping."""


class Readings:
    """The numbers of updates since the epoch began, and the first of them that is not finite.

    On the CPU reading costs nothing, so every update is read before it changes the weights. Elsewhere an update that
    must not be made is skipped on the device, as are all after it, until the window is read.
    """

    def __init__(self, device: torch.device) -> None:
        self.window = 1 if device.type == "cpu" else WINDOW
        self.unread: list[Update] = []
        self.losses: list[tuple[float, int]] = []
        """Loss and number of records of each update that was read."""
        self.norms: list[float] = []
        """Norm of the gradient before clipping at each."""
        self.broken = torch.zeros((), device=device)
        """1 once a loss or norm was not finite, on the device; what torch's optimizers call found_inf."""

    @property
    def deferred(self) -> bool:
        """Whether numbers wait on the device."""
        return self.window > 1

    def add(self, update: Update) -> str | None:
        """Note an update before it is made; returns what first_fault does if that fills the window."""
        self.unread.append(update)
        if self.deferred:
            not_finite = (update.loss * 0 + update.norm * 0).ne(0)  # 0 * inf and 0 * nan are nan
            self.broken = torch.maximum(self.broken, not_finite.to(self.broken.dtype))
        return self.first_fault() if len(self.unread) >= self.window else None

    def first_fault(self) -> str | None:
        """Read what was not read yet; returns which number was the first that is not finite, None if all are."""
        if not self.unread:
            return None
        updates, self.unread = self.unread, []
        pairs = (
            torch.stack([torch.stack([one.loss, one.norm]) for one in updates]).tolist()
            if self.deferred
            else [(updates[0].loss.item(), updates[0].norm.item())]
        )
        for one, (loss, norm) in zip(updates, pairs, strict=True):
            for what, value in (("training loss", loss), ("gradient norm", norm)):
                if not math.isfinite(value):
                    return f"the {what} became {value} in epoch {one.epoch}, step {one.step + 1}"
            self.losses.append((loss, one.size))
            self.norms.append(norm)
        return None

    def take_losses(self) -> list[tuple[float, int]]:
        """Those that were read since last asked."""
        losses, self.losses = self.losses, []
        return losses

    def take_norms(self) -> list[float]:
        """Likewise."""
        norms, self.norms = self.norms, []
        return norms
