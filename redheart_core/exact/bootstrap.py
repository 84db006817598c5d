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


def over_runs(draws: Tensor, stream: torch.Generator) -> Tensor:
    """The mean over runs on resamples of records and of runs together: (S, R) to (R,) float64.

    For figures of several runs, such as seeds, on the same resamples of the same records: for each resample the runs
    are drawn with replacement too, so that the draws spread as the mean of other runs on other records would (the
    pigeonhole bootstrap of two crossed factors, Owen 2007). Few runs spread less than their source; how far the drawn
    mean is from that of all S is therefore multiplied by sqrt(S / (S - 1)) and the ratio of Student's to the normal
    quantile, which gives percentiles of few values their level (the expanded percentile interval, Hesterberg 2015).
    One run alone knows nothing of the spread over runs, so that its draws stay as they are.

    Args:
        draws: Of each run a figure on every resample of the records, NaN where undefined.
        stream: Decides which runs are drawn.
    """
    from scipy.special import ndtri, stdtrit

    runs, resamples = draws.shape
    mean = draws.double().mean(0)
    if runs == 1:
        return mean
    level = LEVELS[1]
    widening = math.sqrt(runs / (runs - 1)) * float(stdtrit(runs - 1, level) / ndtri(level))
    drawn = torch.randint(runs, (runs, resamples), generator=stream)
    return mean + widening * (draws.double().gather(0, drawn).mean(0) - mean)


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
