"""The bootstrap over records: the same resamples for everything that is compared."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from redheart_core.exact.interval import Interval

RESAMPLES = 300


class Draws:
    """Resamples of N records with replacement (Efron 1979)."""

    def __init__(self, records: int, stream: torch.Generator, resamples: int = RESAMPLES) -> None:
        self.samples = [torch.randint(records, (records,), generator=stream) for _ in range(resamples)]

    def apply(self, judged: Tensor, function: Callable[[Tensor], float]) -> Tensor:
        """A figure on every resample, (S,) float64.

        Args:
            judged: (N,) bool, the records that the figure looks at.
            function: Row numbers to the figure.
        """
        values = [function(sample[judged[sample]]) for sample in self.samples]
        return torch.tensor(values, dtype=torch.float64)


def interval(value: float, draws: Tensor) -> Interval:
    """A value with the 2.5th and 97.5th percentile of its resamples."""
    low, high = draws.quantile(torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    return Interval(value, low, high)
