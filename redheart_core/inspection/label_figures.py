"""Counts, spread, entropy and noise of the labels of a field."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import special

from redheart_core.contract.data import SPLITS
from redheart_core.contract.fields import Field
from redheart_core.data.store import Store
from redheart_core.inspection.ceilings import field_ceiling, split_votes
from redheart_core.inspection.findings import Grid, LabelFigures, VoteNoise

BINS = 20
"""More distinct values than these are counted in as many bins of equal width between the least and the greatest."""
FINEST = 10
"""The step of a grid is the least difference of two values, divided by at most this."""
FEWEST_ON_GRID = 5
"""Fewer distinct values lie on some grid by chance."""

Numbers = NDArray[np.float64]


def field_numbers(store: Store, field: Field) -> Numbers:
    """(N, P, L): P places on the axes, 1 without; L labels, 1 without; votes as shares of their sum; NaN if missing."""
    target = store.target(field.name)[store.all_rows].double().numpy().reshape(len(store), -1, len(field.labels) or 1)
    if not field.counts:
        return target
    with np.errstate(invalid="ignore"):  # a record without votes has no shares
        shares: Numbers = target / target.sum(-1, keepdims=True)
    return shares


def label_figures(store: Store, field: Field, numbers: Numbers) -> tuple[LabelFigures, ...]:
    """One entry per label; numbers as field_numbers gives them."""
    train = numbers[store.rows("train").numpy()]
    largest = largest_shares(train) if field.simplex or field.counts else None
    rows: dict[str, NDArray[np.int64]] = {split: store.rows(split).numpy() for split in SPLITS}
    found = []
    for place, label in enumerate(field.labels or (field.name,)):
        column = numbers[:, :, place]
        there, holding = np.any(~np.isnan(column), axis=1), np.any(np.nan_to_num(column) != 0, axis=1)
        coverage = {split: int(there[part].sum()) for split, part in rows.items()}
        held = {split: int(holding[part].sum()) for split, part in rows.items()}
        share = None if largest is None else float(largest[place])
        found.append(_label(label, field, train[:, :, place], coverage, held, share))
    return tuple(found)


def _label(
    label: str, field: Field, train: Numbers, coverage: Mapping[str, int], held: Mapping[str, int], share: float | None
) -> LabelFigures:
    values = train[~np.isnan(train)]
    if not len(values):
        return LabelFigures(label, coverage, held, None, None, 0, None, 0, None, None)
    distinct, counts = np.unique(values, return_counts=True)
    bins = BINS if len(distinct) > BINS else 0
    histogram = np.histogram(values, BINS)[0] if bins else counts
    if share is None:
        share = float(values.mean() if field.binary else counts.max() / len(values))
    grid = None if field.binary or field.counts else find_grid(distinct)
    spread = float(values.std()) if len(distinct) > 1 else 0.0
    mean, entropy = float(values.mean()), entropy_bits(histogram)
    return LabelFigures(label, coverage, held, mean, spread, len(distinct), entropy, bins, share, grid)


def entropy_bits(counts: NDArray[np.int64]) -> float:
    """-sum p log2 p of the shares of some counts, >= 0."""
    return float(special.entr(counts / counts.sum()).sum() / math.log(2.0))


def largest_shares(numbers: Numbers) -> Numbers:
    """(L,): share of the places in which a label is the largest, the first of equal ones; NaN if there are none."""
    places = numbers.reshape(-1, numbers.shape[-1])
    places = places[~np.isnan(places).all(1)]
    if not len(places):
        return np.full(numbers.shape[-1], np.nan)
    counts = np.bincount(np.nanargmax(places, 1), minlength=numbers.shape[-1])
    shares: Numbers = counts / len(places)
    return shares


def find_grid(distinct: Numbers) -> Grid | None:
    """The grid on which ascending distinct values lie within the rounding of float32; None if there is none.

    The step is the coarsest of d, d / 2, ..., d / FINEST, with d the least difference of two values.
    """
    if len(distinct) < FEWEST_ON_GRID:
        return None
    offsets = distinct - distinct[0]
    error = 4.0 * 2.0**-24 * float(np.abs(distinct).max())
    least = float(np.diff(distinct).min())
    for part in range(1, FINEST + 1):
        # the least difference has the error of two values, so the step is taken from the widest one
        steps = round(float(offsets[-1]) / (least / part))
        step = float(offsets[-1]) / steps
        if error > 0.01 * step:
            return None
        if float(np.abs(offsets / step - np.round(offsets / step)).max()) * step <= error:
            return Grid(step, step / math.sqrt(12.0))
    return None


def vote_noise(store: Store, field: Field) -> VoteNoise:
    """The floor and ceilings of a field of votes on validation, with a prior that is fitted on train.

    Raises:
        DataError: A split has no votes, or the prior has no maximum of likelihood.
    """
    from redheart_core.exact.votes import entropy, vote_shares

    votes = split_votes(store, field, "validation")
    ceiling = field_ceiling(store, store.index.seed, field, votes)
    least = float(entropy(vote_shares(votes)).mean())
    return VoteNoise(least, ceiling.cross_entropy, ceiling.macro_f1, ceiling.macro_f1_sd)
