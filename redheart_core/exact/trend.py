"""Sweet-spot statistics of a training curve: trend, plateau, knee, smoothed minimum, one standard error."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping
from fractions import Fraction
from types import MappingProxyType

import attrs
import numpy as np
import numpy.typing as npt

from redheart_core.contract.errors import DataError
from redheart_core.exact.numbers import FloatArray, axes, finite, positive, shaped, whole, within

EXACT_TREND_LENGTH = 10
"""Up to so many points without ties the trend test also has an exact p."""


def _series(name: str, values: npt.ArrayLike, least: int) -> FloatArray:
    array = axes(name, finite(name, values), "n", least=least)
    return shaped(name, array, (array.shape[-1],), "one series")


@attrs.frozen
class Trend:
    """The test of Mann (1945) and Kendall (1975).

    Its p-values are too small for autocorrelated series, as training curves are.
    """

    score: int
    """S: rising less falling pairs."""
    variance: float
    """Of S without a trend, corrected for ties; 0 for a constant series."""
    z: float
    """(S - sign S) / sqrt(variance); 0 if S = 0."""
    p: float
    """Two-sided, erfc(|z| / sqrt 2)."""
    exact_p: float | None
    """Two-sided, from the exact law of S, for up to 10 points without ties; never below 2 / n!."""
    slope: float
    """Sen's (1968): the median of (x_j - x_i) / (j - i), in units of the series per step."""
    tau: float
    """tau_a = 2 S / (n (n - 1)), -1..1."""


def mann_kendall(series: npt.ArrayLike) -> Trend:
    """Test a series (n >= 2,) for a monotonic trend.

    "No significant trend" is no evidence of a plateau: for 5 random points |S| <= 2 has probability 31/60.
    """
    from pymannkendall import original_test  # type: ignore[import-untyped]  # ships no types; loads scipy.stats

    x = _series("series", series, 2)
    found = original_test(x)
    score, size = round(found.s), len(x)
    without_ties = len(np.unique(x)) == size
    return Trend(
        score=score,
        variance=float(found.var_s),
        z=float(found.z),
        # not the library's 2 (1 - cdf), which is 0 from |z| = 8.3 on
        p=math.erfc(abs(found.z) / math.sqrt(2.0)),
        exact_p=float(exact_trend_p(size, score)) if without_ties and size <= EXACT_TREND_LENGTH else None,
        slope=float(found.slope),
        tau=2.0 * score / (size * (size - 1)),
    )


def score_law(size: int) -> dict[int, Fraction]:
    """P(S = s) for independent points without ties, by the Mahonian numbers of inversions."""
    number = int(whole("size", size, 1))
    counts = [1]
    for points in range(2, number + 1):
        wider = [0] * (len(counts) + points - 1)
        for inversions, ways in enumerate(counts):
            for more in range(points):
                wider[inversions + more] += ways
        counts = wider
    most = number * (number - 1) // 2
    return {most - 2 * inversions: Fraction(ways, math.factorial(number)) for inversions, ways in enumerate(counts)}


def exact_trend_p(size: int, score: int) -> Fraction:
    """P(|S| >= |score|) for independent points without ties."""
    return sum((share for s, share in score_law(size).items() if abs(s) >= abs(score)), Fraction(0))


def block_permutation_p(series: npt.ArrayLike, block: int, permutations: int = 999, seed: int = 0) -> float:
    """Two-sided p of S against permuted blocks, for autocorrelated series.

    Args:
        series: (n,) with at least two blocks.
        block: Steps that stay together, about the length of the autocorrelation; the last block may be shorter.
        permutations: How many, R; p is at least 1 / (R + 1).
        seed: Of the permutations.
    """
    length = int(whole("block", block, 1))
    x = _series("series", series, length + 1)
    signs = np.sign(x - x[:, None])
    blocks = np.array_split(np.arange(len(x)), np.arange(length, len(x), length))
    generator = np.random.default_rng(seed)
    observed, extreme = abs(np.triu(signs).sum()), 0
    for _ in range(int(whole("permutations", permutations, 1))):
        order = np.concatenate([blocks[number] for number in generator.permutation(len(blocks))])
        extreme += bool(abs(np.triu(signs[np.ix_(order, order)]).sum()) >= observed)
    return (1 + extreme) / (1 + permutations)


@attrs.frozen
class Plateau:
    """An interval of a series, both ends included."""

    first: int
    last: int


def find_plateau(series: npt.ArrayLike, relative_tolerance: float, least_length: int) -> Plateau | None:
    """The longest interval within which max - min <= tolerance * (max - min of the series), in O(n).

    Args:
        series: (n,).
        relative_tolerance: 0..1.
        least_length: Points that it needs, >= 1.

    Returns:
        The earliest of the longest, None if it is too short.
    """
    x = _series("series", series, 1)
    least = int(whole("least_length", least_length, 1))
    spread = float(np.ptp(x))
    allowed = float(within("relative_tolerance", relative_tolerance, 0.0, 1.0)) * spread + 1e-12 * spread
    falling, rising = deque[int](), deque[int]()  # places of candidates for the maximum and the minimum of the window
    first, best = 0, Plateau(0, -1)
    for last, value in enumerate(x):
        while falling and x[falling[-1]] <= value:
            falling.pop()
        while rising and x[rising[-1]] >= value:
            rising.pop()
        falling.append(last)
        rising.append(last)
        while x[falling[0]] - x[rising[0]] > allowed:
            first += 1
            if falling[0] < first:
                falling.popleft()
            if rising[0] < first:
                rising.popleft()
        if last - first > best.last - best.first:
            best = Plateau(first, last)
    return best if best.last - best.first + 1 >= least else None


_DIFFERENCES: Mapping[tuple[str, str], Callable[[FloatArray, FloatArray], FloatArray]] = MappingProxyType(
    {
        ("concave", "increasing"): lambda x, y: y - x,
        ("convex", "decreasing"): lambda x, y: 1.0 - y - x,
        ("convex", "increasing"): lambda x, y: x - y,
        ("concave", "decreasing"): lambda x, y: y + x - 1.0,
    }
)


@attrs.frozen
class Knee:
    """Where a curve bends."""

    index: int
    x: float
    difference: float
    """d there, the height of the scaled curve over its chord, 0..1."""


def kneedle(
    x: npt.ArrayLike, y: npt.ArrayLike, curve: str = "convex", direction: str = "decreasing", sensitivity: float = 1.0
) -> Knee | None:
    """The knee after Satopaa et al. 2011.

    With x and y scaled to 0..1 it is the first local maximum of the difference curve d, ends excluded, after which d
    falls below d_max - S mean(dx) before the next local minimum or at it; of a flat top the last point. For the shapes
    convex increasing and concave decreasing, whose bend lies near the other end, "after" runs from high x to low x.

    Args:
        x: (n >= 3,) strictly increasing.
        y: (n,), not constant.
        curve: "convex" or "concave".
        direction: "increasing" or "decreasing".
        sensitivity: S >= 0.

    Returns:
        None if there is no knee, as of a straight line.
    """
    if (curve, direction) not in _DIFFERENCES:
        shapes = ", ".join(sorted(" ".join(shape) for shape in _DIFFERENCES))
        raise DataError(f"the shape must be one of {shapes}, got {curve} {direction}; choose one of them")
    places, values = _series("x", x, 3), _series("y", y, 3)
    shaped("y", values, places.shape, "as x")
    positive("steps of x", np.diff(places), "sort the points by x, each x once")
    scaled = (places - places[0]) / (places[-1] - places[0])
    height = (values - values.min()) / float(positive("max y - min y", np.ptp(values), "a constant curve has no knee"))
    d = _DIFFERENCES[curve, direction](scaled, height)
    mirrored = (curve, direction) in (("convex", "increasing"), ("concave", "decreasing"))
    found = _first_knee(d[::-1] if mirrored else d, float(within("sensitivity", sensitivity, 0.0)) / (len(d) - 1))
    if found is None:
        return None
    index = len(d) - 1 - found if mirrored else found
    return Knee(index, float(places[index]), float(d[index]))


def _first_knee(d: FloatArray, drop: float) -> int | None:
    top: int | None = None
    for i in range(1, len(d)):
        if top is not None and d[i] < d[top] - drop - 1e-12:  # a straight line's d is rounding
            return top
        if i < len(d) - 1:
            if d[i] >= d[i - 1] and d[i] > d[i + 1]:
                top = i
            elif d[i] <= d[i - 1] and d[i] < d[i + 1]:
                top = None
    return None


@attrs.frozen(eq=False)
class SmoothedMinimum:
    """The lowest point of a smoothed series."""

    index: int
    """The earliest of equals."""
    smoothed: FloatArray
    """(n,)."""


def smoothed_argmin(series: npt.ArrayLike, half_width: int, *, median: bool = False) -> SmoothedMinimum:
    """The minimum of centred means or medians of width 2 half_width + 1, truncated at the ends."""
    x = _series("series", series, 1)
    reach = int(whole("half_width", half_width, 0))
    middle = np.median if median else np.mean
    smoothed = np.array([middle(x[max(0, i - reach) : i + reach + 1]) for i in range(len(x))])
    return SmoothedMinimum(int(smoothed.argmin()), smoothed)


@attrs.frozen(eq=False)
class OneStandardError:
    """The 1-SE rule (Breiman et al. 1984).

    It names the earliest index that is not worse than the best one by more than a standard error.
    """

    means: FloatArray
    """(n,) over seeds."""
    best: int
    """Of the least mean; the earliest of equals."""
    choice: int
    """At most `best`."""
    error: float
    """Standard error with ddof 1: of the loss at `best`; paired, of the difference of `choice` to `best`."""


def one_standard_error(losses: npt.ArrayLike, *, paired: bool = False) -> OneStandardError:
    """Choose an index by the losses of several seeds.

    Args:
        losses: (K seeds >= 2, n).
        paired: Compare per seed with the best index, preferred when seeds share data: mean difference <= its own error.
    """
    table = axes("losses", finite("losses", losses), "seeds")
    if table.ndim != 2 or len(table) < 2 or table.shape[1] == 0:
        raise DataError(f"losses need the shape (seeds >= 2, n >= 1), got {table.shape}; one row per seed")
    means = table.mean(0)
    best = int(means.argmin())
    difference = table - table[:, [best]]
    errors = (difference if paired else table).std(0, ddof=1) / math.sqrt(len(table))
    limit = errors if paired else np.full(len(means), errors[best])
    choice = int(np.argmax(difference.mean(0) <= limit + 1e-12 * np.abs(means[best])))
    return OneStandardError(means, best, choice, float(errors[choice] if paired else errors[best]))
