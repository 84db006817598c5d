"""Losses and gradient norms of updates, which stay on their device until a window of them is read at once."""

from __future__ import annotations

import math

import attrs
import torch
from torch import Tensor

from redheart_core.training.loss_scale import LEAST, LossScale

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

    def __init__(self, device: torch.device, loss_scale: LossScale | None = None) -> None:
        self.loss_scale = loss_scale
        """Its updates whose gradient overflows are skipped, which is no fault, until it is too small."""
        self.skipped = 0
        """Updates that were read and had been skipped for it."""
        self.window = 1 if device.type == "cpu" else WINDOW
        self.unread: list[Update] = []
        self.losses: list[tuple[float, int]] = []
        """Loss and number of records of each update that was read."""
        self.norms: list[float] = []
        """Norm of the gradient before clipping at each."""
        self.broken = torch.zeros((), device=device)
        """1 once a loss or norm was not finite, on the device."""
        self.skip = self.broken
        """1 if the newest update must not be made; what torch's optimizers call found_inf."""

    @property
    def deferred(self) -> bool:
        """Whether numbers wait on the device."""
        return self.window > 1

    def add(self, update: Update) -> str | None:
        """Note an update before it is made; returns what first_fault does if that fills the window."""
        self.unread.append(update)
        if self.deferred:
            checked = update.loss * 0 if self.loss_scale is not None else update.loss * 0 + update.norm * 0
            self.broken = torch.maximum(self.broken, checked.ne(0).to(self.broken.dtype))  # 0 * inf and 0 * nan are nan
        overflow = None if self.loss_scale is None else self.loss_scale.update(update.norm)
        self.skip = self.broken if overflow is None else torch.maximum(self.broken, overflow)
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
            overflows = self.loss_scale is not None and not math.isfinite(norm)
            for what, value in (("training loss", loss), ("gradient norm", 0.0 if overflows else norm)):
                if not math.isfinite(value):
                    return f"the {what} became {value} in epoch {one.epoch}, step {one.step + 1}"
            self.losses.append((loss, one.size))
            self.skipped += overflows
            if not overflows:
                self.norms.append(norm)
        if self.loss_scale is not None and self.loss_scale.scale.item() < LEAST:
            return (
                f"float16 cannot hold the gradient, whatever the scale, in epoch {updates[-1].epoch}, "
                f'step {updates[-1].step + 1}; train with precision = "bfloat16"'
            )
        return None

    def take_losses(self) -> list[tuple[float, int]]:
        """Those that were read since last asked."""
        losses, self.losses = self.losses, []
        return losses

    def take_norms(self) -> list[float]:
        """Likewise."""
        norms, self.norms = self.norms, []
        return norms

    def take_skipped(self) -> int:
        """How many updates were skipped since last asked."""
        skipped, self.skipped = self.skipped, 0
        return skipped
