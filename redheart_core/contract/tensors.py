"""Missing numbers of tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def has_any(tensor: Tensor) -> Tensor:
    """Which records have at least one number: (B, ...) with NaN where missing to (B,) bool."""
    present = ~tensor.isnan()
    return present.flatten(1).any(1) if present.dim() > 1 else present


def fill_missing_input(tensor: Tensor) -> tuple[Tensor, Tensor]:
    """A field that a module reads: its numbers with 0 where missing, and which are there, both (B, ...)."""
    present = ~tensor.isnan()
    return tensor.where(present, 0.0), present
