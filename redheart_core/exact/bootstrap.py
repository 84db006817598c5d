"""The bootstrap (Efron 1979): resamples of records or clusters, the same ones for everything that is compared."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from redheart_core.exact.clusters import Clusters
from redheart_core.exact.interval import Interval
from redheart_core.exact.numbers import FloatArray

RESAMPLES = 300
LEVELS = (0.025, 0.975)
"""Percentiles of a 95 % interval."""


def resample(records: int, stream: torch.Generator, resamples: int) -> Iterator[Tensor]:
    """Row numbers of each resample, one after another: N of N records, drawn with replacement."""
    for _ in range(resamples):
        yield torch.randint(records, (records,), generator=stream)


def counts(samples: Iterable[Tensor], records: int) -> FloatArray:
    """(R, N): how often each resample holds each record."""
    held: FloatArray = torch.stack([torch.bincount(sample, minlength=records) for sample in samples]).double().numpy()
    return held


class Draws:
    """Resamples of clusters that are kept, so that many figures are computed on the same ones.

    Clusters are drawn, not records, since the records of one are not independent (Davison and Hinkley 1997, section
    3.8); where each record is a cluster of its own that is the bootstrap over records. One cluster alone has no
    resamples, since all of them would be it.
    """

    def __init__(self, clusters: Clusters, stream: torch.Generator, resamples: int = RESAMPLES) -> None:
        number = resamples if len(clusters) > 1 else 0
        self.samples = tuple(clusters.records(drawn) for drawn in resample(len(clusters), stream, number))

    def apply(self, used: Tensor, function: Callable[[Tensor], float | None]) -> Tensor:
        """A figure on every resample, (R,) float64, NaN where it is undefined.

        Args:
            used: (N,) bool, the records that the figure is computed on.
            function: Row numbers to the figure, None if it is undefined on them.
        """
        values = [function(sample[used[sample]]) for sample in self.samples]
        return torch.tensor([math.nan if value is None else value for value in values], dtype=torch.float64)


def interval(value: float, draws: npt.ArrayLike, levels: tuple[float, float] = LEVELS) -> Interval:
    """A value with two percentiles of its resamples.

    Resamples on which the figure is undefined (NaN) are left out; if they are more than half, there is no interval.
    """
    drawn = np.asarray(draws, dtype=np.float64)
    found = drawn[~np.isnan(drawn)]
    if not len(found) or 2 * len(found) < len(drawn):
        return Interval(value)
    low, high = np.quantile(found, levels)
    return Interval(value, float(low), float(high))
