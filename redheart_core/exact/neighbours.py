"""Mutual information, conditional mutual information and transfer entropy of real numbers by nearest neighbours.

scikit-learn's mutual_info_regression takes one column at a time and conditions on nothing.
"""

from __future__ import annotations

import math
from typing import Literal, get_args

import attrs
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import KDTree
from scipy.special import digamma, ndtri
from scipy.stats import rankdata

from redheart_core.contract.errors import DataError
from redheart_core.exact.samples import same_length, sample_columns, whole_number

Scaling = Literal["standard", "rank", "none"]
Points = NDArray[np.float64]

JITTER = 1e-10
"""Size of the noise against ties, in standard deviations of each column."""


@attrs.frozen
class Estimate:
    """An estimate and how it was made."""

    nats: float
    """Not clipped: an estimate of 0 is negative about as often as positive."""
    samples: int
    k: int
    scaling: Scaling
    """What was done to each column before distances were taken; estimates of other scalings are not comparable."""
    degenerate: bool
    """One of the two variables never varies, so that the information is 0 by convention."""

    @property
    def bits(self) -> float:
        """The same in bits."""
        return self.nats / math.log(2)


def mutual_information(
    x: ArrayLike,
    y: ArrayLike,
    *,
    k: int = 5,
    scaling: Scaling = "standard",
    jitter: np.random.Generator | None = None,
) -> Estimate:
    """I(X; Y) by the first estimator of Kraskov, Stoegbauer and Grassberger (2004).

    I = psi(k) + psi(N) - mean_i[psi(n_x + 1) + psi(n_y + 1)], where eps_i is the distance to the k-th neighbour
    in (x, y) by the maximum norm, and n_x counts the other samples strictly closer than eps_i in x alone.
    Biased low for densities with hard edges; strong dependence needs N of the order exp(I). O(N log N) for up to
    about 8 columns in all. Do not bootstrap it (see `neighbours_sampling`).

    Args:
        x: (N,) or (N, D); several variables are columns.
        y: (N,) or (N, E).
        k: Neighbours, below N.
        scaling: "standard": each column to mean 0 and standard deviation 1; "rank": each column's ranks to normal
            quantiles; "none": distances as they are, where a unit of one column is to equal one of another.
        jitter: If given, adds noise of 1e-10 standard deviations to every column, once, before anything else; for
            data with repeated values.

    Raises:
        DataError: Lengths that differ, NaN or infinite numbers, k >= N, more than k samples in one point.
    """
    columns = _prepare({"x": x, "y": y}, k, scaling, jitter)
    a, b = columns["x"], columns["y"]
    if _constant(a) or _constant(b):
        return Estimate(0.0, len(a), k, scaling, degenerate=True)
    eps = radii(np.hstack([a, b]), k)
    mean = _mean_digamma(a, eps) + _mean_digamma(b, eps)
    return Estimate(float(digamma(k) + digamma(len(a)) - mean), len(a), k, scaling, degenerate=False)


def conditional_mutual_information(
    x: ArrayLike,
    y: ArrayLike,
    z: ArrayLike,
    *,
    k: int = 5,
    scaling: Scaling = "standard",
    jitter: np.random.Generator | None = None,
) -> Estimate:
    """I(X; Y | Z) by the estimator of Frenzel and Pompe (2007), not a difference of two estimates.

    I = psi(k) - mean_i[psi(n_xz + 1) + psi(n_yz + 1) - psi(n_z + 1)], distances as in `mutual_information`,
    eps_i in (x, y, z). A constant z gives exactly `mutual_information`.

    Args:
        x: (N,) or (N, D).
        y: (N,) or (N, E).
        z: (N,) or (N, F), what is known already.
        k: Neighbours, below N.
        scaling: As in `mutual_information`.
        jitter: As in `mutual_information`.

    Raises:
        DataError: As `mutual_information`.
    """
    columns = _prepare({"x": x, "y": y, "z": z}, k, scaling, jitter)
    a, b, c = columns["x"], columns["y"], columns["z"]
    if _constant(a) or _constant(b):
        return Estimate(0.0, len(a), k, scaling, degenerate=True)
    eps = radii(np.hstack([a, b, c]), k)
    mean = _mean_digamma(np.hstack([a, c]), eps) + _mean_digamma(np.hstack([b, c]), eps) - _mean_digamma(c, eps)
    return Estimate(float(digamma(k) - mean), len(a), k, scaling, degenerate=False)


def transfer_entropy(
    source: ArrayLike,
    target: ArrayLike,
    *,
    source_lags: int = 1,
    target_lags: int = 1,
    k: int = 5,
    scaling: Scaling = "standard",
    jitter: np.random.Generator | None = None,
) -> Estimate:
    """I(y_t; x_{t-1} .. x_{t-l} | y_{t-1} .. y_{t-m}): what the source's past adds (Schreiber 2000).

    For several sequences put the rows that `lagged` gives for each on top of each other
    and call `conditional_mutual_information(present, source_past, target_past)`.

    Args:
        source: (S,) or (S, D), steps in order of time.
        target: (S,) or (S, E).
        source_lags: l, steps of the source's past.
        target_lags: m, steps of the target's past.
        k: Neighbours, below the number of steps left, S - max(l, m).
        scaling: As in `mutual_information`.
        jitter: As in `mutual_information`.

    Raises:
        DataError: As `mutual_information`, or a series no longer than its lags.
    """
    present, source_past, target_past = lagged(source, target, source_lags=source_lags, target_lags=target_lags)
    return conditional_mutual_information(present, source_past, target_past, k=k, scaling=scaling, jitter=jitter)


def lagged(
    source: ArrayLike, target: ArrayLike, *, source_lags: int = 1, target_lags: int = 1
) -> tuple[Points, Points, Points]:
    """Rows (present of the target, past of the source, past of the target) of two series, latest past first.

    Returns:
        (S - L, E), (S - L, l D) and (S - L, m E) with L = max(l, m).

    Raises:
        DataError: Lengths that differ, or a series no longer than its lags.
    """
    whole_number("source_lags", source_lags, 1)
    whole_number("target_lags", target_lags, 1)
    x, y = sample_columns("source", source), sample_columns("target", target)
    steps, lags = same_length(source=x, target=y), max(source_lags, target_lags)
    if steps <= lags:
        raise DataError(f"a series of {steps} steps has no row with {lags} steps before it; use fewer lags")

    def past(series: Points, count: int) -> Points:
        return np.hstack([series[lags - lag : steps - lag] for lag in range(1, count + 1)])

    return y[lags:], past(x, source_lags), past(y, target_lags)


def radii(points: Points, k: int) -> Points:
    """Distance of each of (N, D) points to its k-th neighbour by the maximum norm, itself not counted.

    Raises:
        DataError: More than k points coincide.
    """
    distances: Points = KDTree(points).query(points, k=[k + 1], p=np.inf)[0][:, 0]
    coincident = int(np.count_nonzero(distances == 0))
    if coincident:
        raise DataError(
            f"{coincident} of {len(points)} samples coincide with at least k = {k} others, so their distance is 0; "
            "pass jitter=numpy.random.default_rng(seed), or surd.decompose_samples if the data are states"
        )
    return distances


def count_closer(points: Points, distances: Points) -> NDArray[np.int64]:
    """How many others are strictly closer to each of (N, D) points than its own distance (> 0), by the maximum norm."""
    # the next smaller number, as an absolute step would vanish beside a large distance
    within = np.nextafter(distances, 0.0)
    counts: NDArray[np.int64] = KDTree(points).query_ball_point(points, within, p=np.inf, return_length=True)
    return counts - 1


def _mean_digamma(points: Points, distances: Points) -> float:
    return float(digamma(count_closer(points, distances) + 1).mean())


def _prepare(
    variables: dict[str, ArrayLike], k: int, scaling: Scaling, jitter: np.random.Generator | None
) -> dict[str, Points]:
    """Check the arguments and scale the columns."""
    if scaling not in get_args(Scaling):
        raise DataError(f"scaling has to be one of none, rank, standard, got {scaling!r}")
    columns = {name: sample_columns(name, values) for name, values in variables.items()}
    samples = same_length(**columns)
    if whole_number("k", k, 1) >= samples:
        raise DataError(f"k = {k} neighbours need more than {k} samples, got {samples}; use a smaller k")
    scaled = {}
    for name, points in columns.items():
        spread = _spread(name, points)
        if jitter is not None:
            points = points + JITTER * spread * jitter.standard_normal(points.shape)
        scaled[name] = _scaled(points, spread, scaling)
    return scaled


def _spread(name: str, points: Points) -> Points:
    """(D,) standard deviation of each column, exactly 0 if and only if it is constant."""
    largest = np.abs(points).max(axis=0)
    unit = np.where(largest > 0, largest, 1.0)  # squares of very large or small numbers would overflow or vanish
    spread: Points = np.where(_constant_columns(points), 0.0, (points / unit).std(axis=0) * unit)
    if np.any((spread == 0) & ~_constant_columns(points)):
        raise DataError(f"the numbers of {name} differ too little for their standard deviation; choose a smaller unit")
    return spread


def _scaled(points: Points, spread: Points, scaling: Scaling) -> Points:
    if scaling == "none":
        return points
    if scaling == "rank":
        quantiles: Points = ndtri((rankdata(points, axis=0) - 0.5) / len(points))
        return quantiles
    centred = np.where(spread > 0, points - points.mean(axis=0), 0.0)
    return centred / np.where(spread > 0, spread, 1.0)


def _constant_columns(points: Points) -> NDArray[np.bool_]:
    constant: NDArray[np.bool_] = (points == points[0]).all(axis=0)
    return constant


def _constant(points: Points) -> bool:
    return bool(_constant_columns(points).all())
