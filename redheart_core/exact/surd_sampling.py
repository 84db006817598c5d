"""SURD of samples with its bias subtracted and with intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import attrs
import numpy as np
from numpy.typing import ArrayLike, NDArray

from redheart_core.contract.errors import DataError
from redheart_core.exact.bootstrap import interval
from redheart_core.exact.interval import Interval
from redheart_core.exact.samples import whole_number
from redheart_core.exact.surd import SampleCodes, Surd, Ties

MIN_SHUFFLES = 50
MIN_RESAMPLES = 100


@attrs.frozen
class SampledSurd:
    """A decomposition of samples, plain and corrected."""

    plain: Surd
    """Of the samples as they are; every term is biased upwards."""
    bias: Surd
    """Mean over decompositions of the same samples with shuffled target: what chance alone gives each term."""
    corrected: Surd
    """Plain minus bias, term by term. Not clipped: a term of 0 comes out negative about as often as positive."""
    intervals: Mapping[str, Interval]
    """By the names of `figures`, about the corrected figure."""
    confidence: float


def figures(surd: Surd) -> dict[str, float]:
    """The numbers that get intervals.

    Returns:
        Each term in bits by name (R12, U1, S12, ...), the totals redundant, unique and synergistic and
        synergy_2, synergy_3, ... of each order in bits, mutual_information in bits, leak (0..1).
    """
    orders = range(2, len(surd.unique) + 1)
    return surd.terms() | {
        "redundant": sum(surd.redundant.values()),
        "unique": sum(surd.unique.values()),
        "synergistic": sum(surd.synergistic.values()),
        **{f"synergy_{order}": surd.synergy_of_order(order) for order in orders},
        "mutual_information": surd.mutual_information,
        "leak": surd.leak,
    }


def estimate(
    target: ArrayLike,
    sources: ArrayLike,
    *,
    rng: np.random.Generator,
    bins: int | None = None,
    ties: Ties = "split",
    shuffles: int = MIN_SHUFFLES,
    resamples: int = 200,
    block: int = 1,
    confidence: float = 0.95,
) -> SampledSurd:
    """Decompose samples, subtract what shuffled targets give, and bootstrap the spread.

    The bootstrap draws N samples with replacement. That is valid here, as the plug-in distribution is a function
    of cell counts and a sample drawn twice only counts twice; it is not valid for nearest-neighbour estimates (see
    `neighbours_sampling`). Resampling adds the plug-in bias a second time, so percentiles of the resamples would
    lie too high: only their spread about their own mean is used, laid about the corrected figure. Bin edges and
    the bias stay fixed.

    How far to trust it: shuffles show the bias under independence, which is close for the mutual information, the
    leak and synergy of the highest order, but not for every term (a redundancy is a minimum, and chance lowers it).
    Intervals of 95 per cent held the truth of a noisy AND with 1000 samples in 95 of 100 runs for mutual
    information and leak and in 87 to 92 for its terms. A term whose true value is 0 lies on the edge of its range;
    its interval may shrink to a point just below 0. The split of synergy between tuples that nearly tie is not
    continuous: look at the order totals there.

    Args:
        target: (N,) as in `surd.decompose_samples`.
        sources: (N,) or (N, n).
        rng: Source of all random numbers.
        bins: As in `surd.decompose_samples`.
        ties: As in `surd.decompose`.
        shuffles: At least 50.
        resamples: At least 100.
        block: Samples that are drawn together, in order and round the end. 1 for independent samples; for a time
            series several times its correlation time, otherwise the intervals are too narrow.
        confidence: Of each interval by itself, between 0 and 1.

    Raises:
        DataError: As `surd.decompose_samples`, or an argument out of range.
    """
    whole_number("shuffles", shuffles, MIN_SHUFFLES)
    whole_number("resamples", resamples, MIN_RESAMPLES)
    whole_number("block", block, 1)
    if not 0 < confidence < 1:
        raise DataError(f"confidence has to lie between 0 and 1, got {confidence!r}; 0.95 is usual")
    codes = SampleCodes.of(target, sources, bins)
    samples = len(codes.target)
    if block > samples:
        raise DataError(f"a block of {block} is longer than the {samples} samples; use a shorter block")
    keys = codes.keys()
    plain = codes.decompose(keys, ties)
    bias = mean_of([codes.decompose(codes.keys(rng.permutation(codes.target)), ties) for _ in range(shuffles)])
    corrected = difference(plain, bias)
    drawn = [codes.decompose(keys[_rows(samples, block, rng)], ties) for _ in range(resamples)]
    return SampledSurd(plain, bias, corrected, _intervals(corrected, drawn, confidence), confidence)


def mean_of(surds: Sequence[Surd]) -> Surd:
    """The mean of each term over decompositions with the same sources."""
    count = len(surds)

    def mean(parts: Sequence[Mapping[tuple[int, ...], float]]) -> dict[tuple[int, ...], float]:
        return {sources: math.fsum(part[sources] for part in parts) / count for sources in parts[0]}

    return attrs.evolve(
        surds[0],
        redundant=mean([surd.redundant for surd in surds]),
        unique=mean([surd.unique for surd in surds]),
        synergistic=mean([surd.synergistic for surd in surds]),
        mutual_information=math.fsum(surd.mutual_information for surd in surds) / count,
        leak=math.fsum(surd.leak for surd in surds) / count,
        cells=round(sum(surd.cells for surd in surds) / count),
    )


def difference(plain: Surd, bias: Surd) -> Surd:
    """Each term minus its bias; the leak is what the corrected information leaves of H(T), which stays as it is."""
    mutual = plain.mutual_information - bias.mutual_information
    return attrs.evolve(
        plain,
        redundant={sources: bits - bias.redundant[sources] for sources, bits in plain.redundant.items()},
        unique={sources: bits - bias.unique[sources] for sources, bits in plain.unique.items()},
        synergistic={sources: bits - bias.synergistic[sources] for sources, bits in plain.synergistic.items()},
        mutual_information=mutual,
        leak=0.0 if plain.degenerate else 1.0 - mutual / plain.target_entropy,
    )


def _rows(samples: int, block: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """As many rows as there are samples, drawn in blocks with replacement."""
    starts = rng.integers(samples, size=-(-samples // block))
    rows: NDArray[np.int64] = ((starts[:, None] + np.arange(block)) % samples).ravel()[:samples]
    return rows


def _intervals(corrected: Surd, drawn: Sequence[Surd], confidence: float) -> dict[str, Interval]:
    rows = [figures(surd) for surd in drawn]
    tails = ((1 - confidence) / 2, (1 + confidence) / 2)
    intervals = {}
    for name, value in figures(corrected).items():
        column = np.array([row[name] for row in rows])
        intervals[name] = interval(value, value + (column - column.mean()), tails)
    return intervals
