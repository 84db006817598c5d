"""Some records, ready for a group."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import torch
from torch import Tensor


@attrs.frozen(eq=False)
class Batch:
    """Some records, ready for a group."""

    inputs: Mapping[str, Tensor]
    """"embedding" (B, T, D), "mask" (B, T) bool, "language" (B,) int64 (language_number), "terms" (B, V), "tokens"
    (B, L), fields that are read, and "node.output" of lower tiers."""
    targets: Mapping[str, Tensor]
    """Field to (B, *shape) float32, NaN where missing."""

    def of(self, records: Tensor) -> Batch:
        """Some of the records, (B,) bool, or their numbers."""
        return Batch(
            inputs={name: tensor[records] for name, tensor in self.inputs.items()},
            targets={name: tensor[records] for name, tensor in self.targets.items()},
        )

    def first(self, size: int) -> Batch:
        """So many records at most."""
        return self.of(torch.arange(min(size, self.size), device=self.inputs["mask"].device))

    def parts(self, size: int) -> list[Batch]:
        """The records one after another, so many at a time."""
        numbers = torch.arange(self.size, device=self.inputs["mask"].device)
        return [self.of(rows) for rows in torch.split(numbers, size)]

    @property
    def bytes(self) -> int:
        """Of all tensors."""
        return sum(tensor.nbytes for tensor in (*self.inputs.values(), *self.targets.values()))

    @property
    def size(self) -> int:
        """B."""
        return self.inputs["mask"].shape[0]

    @property
    def chunks(self) -> int:
        """T, padded."""
        return self.inputs["mask"].shape[1]
