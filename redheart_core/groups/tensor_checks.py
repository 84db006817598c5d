"""Shape, dtype and finiteness checks with messages that say what to do."""

from __future__ import annotations

from torch import Tensor

from redheart_core.contract.errors import ShapeError
from redheart_core.contract.fields import Shape, describe_shape


def check_shape(tensor: Tensor, shape: Shape, batch: int, chunks: int | None, what: str) -> None:
    """Check (B, *shape) float32.

    Args:
        tensor: What came.
        shape: Per-record shape; "T" is the number of chunks.
        batch: B.
        chunks: T, None if the batch has no chunks.
        what: Names plugin and tensor in the message.

    Raises:
        ShapeError: Another shape or dtype.
    """
    expected = (batch, *(chunks if size == "T" else size for size in shape))
    if tuple(tensor.shape) != expected:
        raise ShapeError(
            f"{what} has to be {describe_shape(shape)} = {expected}, got {tuple(tensor.shape)}; nothing is broadcast"
        )
    if str(tensor.dtype) != "torch.float32":
        raise ShapeError(f"{what} has to be float32, got {str(tensor.dtype).removeprefix('torch.')}")


def check_range(tensor: Tensor, low: float, high: float, what: str) -> None:
    """Check that every number is finite and within low..high, with room for rounding.

    Raises:
        ShapeError: A number is not finite or lies outside by more than 1e-5.
    """
    if not bool(tensor.isfinite().all()):
        raise ShapeError(f"{what} has numbers that are not finite")
    smallest, largest = tensor.min().item(), tensor.max().item()
    if smallest < low - 1e-5 or largest > high + 1e-5:
        raise ShapeError(f"{what} has to lie in {low:g}..{high:g}, got {smallest:g}..{largest:g}")
