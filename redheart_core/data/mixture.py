"""How often the records of several data sets are drawn in an epoch."""

from __future__ import annotations

import torch
from torch import Tensor


def draw(rows: Tensor, sources: Tensor, exponent: float, stream: torch.Generator) -> Tensor:
    """As many rows as there are, in random order, each data set with a share that goes with its size to a power.

    Data set d of n_d rows gets a share n_d^exponent / sum of the epoch (Conneau and Lample 2019, of languages):
    at 1 every row comes once, at 0 all data sets come equally often. A data set that gets more than it has is gone
    through again and again, each time in another order, so that no row comes twice before all came once.

    Args:
        rows: (N,) int64.
        sources: (N,) int64, the number of each row's data set.
        exponent: 0..1.
        stream: Where the order comes from.
    """
    if exponent == 1.0:
        return rows[torch.randperm(len(rows), generator=stream)]
    members = [rows[sources == source] for source in sorted(set(sources.tolist()))]
    weights = torch.tensor([float(len(member)) ** exponent for member in members], dtype=torch.float64)
    drawn = [
        _again(member, count, stream) for member, count in zip(members, _apportion(weights, len(rows)), strict=True)
    ]
    together = torch.cat(drawn)
    return together[torch.randperm(len(together), generator=stream)]


def _apportion(weights: Tensor, total: int) -> list[int]:
    """Whole numbers in proportion to the weights that add up to the total (largest remainders)."""
    exact = weights / weights.sum() * total
    counts = exact.floor()
    rest = total - int(counts.sum())
    counts[(exact - counts).argsort(descending=True, stable=True)[:rest]] += 1
    return [int(count) for count in counts.tolist()]


def _again(rows: Tensor, count: int, stream: torch.Generator) -> Tensor:
    passes = -(-count // len(rows))
    return torch.cat([rows[torch.randperm(len(rows), generator=stream)] for _ in range(passes)])[:count]
