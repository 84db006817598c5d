"""Records that are not independent: whole clusters of them are what is drawn, and what standard errors count."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from redheart_core.exact.numbers import FloatArray


class Clusters:
    """Which of N records belong together, such as near-duplicates of one text."""

    def __init__(self, numbers: Tensor) -> None:
        """Any numbers, (N,) int64, equal within a cluster."""
        _, self.numbers = torch.unique(numbers, return_inverse=True)
        self.sizes = torch.bincount(self.numbers)
        self._order = self.numbers.argsort(stable=True)
        self._starts = self.sizes.cumsum(0) - self.sizes

    def __len__(self) -> int:
        return len(self.sizes)

    def records(self, drawn: Tensor) -> Tensor:
        """Row numbers of the records of drawn clusters, one cluster after the other."""
        sizes = self.sizes[drawn]
        within = torch.arange(int(sizes.sum())) - (sizes.cumsum(0) - sizes).repeat_interleave(sizes)
        rows: Tensor = self._order[self._starts[drawn].repeat_interleave(sizes) + within]
        return rows

    def values(self, records: npt.ArrayLike) -> FloatArray:
        """Independent values whose mean is that of the records, and whose standard error is that of clusters.

        The mean of all records is a ratio of cluster totals and cluster sizes; a cluster's value is its total less
        what the ratio's linearisation takes away for its size (Cochran 1977, on ratio estimators). A record that is a
        cluster of its own is its own value, bit for bit, if all are.

        Args:
            records: (..., N).

        Returns:
            (..., C).
        """
        table = np.asarray(records, dtype=np.float64)
        totals = np.add.reduceat(table[..., self._order.numpy()], self._starts.numpy(), axis=-1)
        share = len(self) / table.shape[-1]
        excess = self.sizes.numpy() * share - 1.0
        found: FloatArray = np.ascontiguousarray(totals) * share - table.mean(-1, keepdims=True) * excess
        return found
