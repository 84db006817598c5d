"""Labels that another field, or the rest of their own, predicts exactly."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

import attrs
import numpy as np
from numpy.typing import NDArray

from redheart_core.contract.fields import Field

EXACT = 0.9999
"""R^2 of a linear map from which on it counts as exact; the rest is rounding."""
FEWEST = 20
"""Records that both have to have."""
CHANCE = 1e-6
"""Largest probability, over all pairs that are compared, that a relation is one of chance."""

Numbers = NDArray[np.float64]
Places = NDArray[np.int64]


@attrs.frozen
class Dependence:
    """A label that something else predicts exactly."""

    field: str
    label: str
    source: str
    """A field, the field's own name for its other labels."""
    relation: str
    """For people: "equals emotion.joy", "= 1 - 1 * bentham.propinquity", "is linear in bentham"."""
    records: int
    """How many it was checked on."""


@attrs.frozen(eq=False)
class Columns:
    """Labels side by side."""

    names: tuple[tuple[str, str], ...]
    """Field and label."""
    values: Numbers
    """(N, C), NaN where missing."""
    simplex: frozenset[str]
    """Fields whose labels sum to one."""

    def full_name(self, place: int) -> str:
        field, label = self.names[place]
        return field if field == label else f"{field}.{label}"

    def of(self, field: str) -> Places:
        return np.array([place for place, name in enumerate(self.names) if name[0] == field], dtype=np.int64)


def join_columns(fields: Sequence[tuple[Field, Numbers]]) -> Columns:
    """Fields without axes with their numbers (N, 1, L) as columns; those with axes are not compared."""
    held = [(field, numbers) for field, numbers in fields if not field.axes]
    names = tuple((field.name, label) for field, _ in held for label in field.labels or (field.name,))
    values = np.concatenate([numbers[:, 0] for _, numbers in held], axis=1) if held else np.empty((0, 0))
    return Columns(names, values, frozenset(field.name for field, _ in held if field.simplex or field.counts))


def find_dependences(columns: Columns) -> list[Dependence]:
    """Every label with the simplest relation by which each field predicts it.

    Looked for are, in this order, a single label that is equal or affine (of each pair the later one is named), a
    linear map from a whole field, and a deterministic function of a label or of a whole field: of the records that
    share their source with others, which has to be half of all, those that agree in the source never differ in the
    label. A relation counts if labels in random order would hold it with a probability below CHANCE over all
    comparisons: with c the probability that two of the records agree in the label, n checks pass with about c^n; a
    linear map of k numbers leaves records - k - 1 checks, a function all records that repeat an earlier source.
    Near-duplicates have to be taken out before.
    """
    search = _Search(columns)
    found: dict[tuple[str, str, str], Dependence] = {}
    for one in itertools.chain(search.pairs(), search.maps(), search.functions()):
        found.setdefault((one.field, one.label, one.source), one)
    return list(found.values())


class _Search:
    def __init__(self, columns: Columns) -> None:
        self.columns = columns
        self.there = ~np.isnan(columns.values)
        self.fields = tuple(dict.fromkeys(field for field, _ in columns.names))
        found = [np.unique(column, return_inverse=True) for column in columns.values.T]
        self.sizes = [len(distinct) for distinct, _ in found]
        self.codes = np.stack([codes for _, codes in found], 1) if found else np.empty((0, 0), dtype=np.int64)
        self.least = math.log(max(1, len(columns.names)) ** 2 / CHANCE)
        self.related: set[tuple[int, str]] = set()
        """Labels and the fields that are known to predict them."""

    def beyond_chance(self, place: int, rows: NDArray[np.bool_] | Places, checks: int) -> bool:
        values = self.columns.values[rows, place]
        return checks > 0 and -checks * math.log(_agreement(values)) >= self.least

    def given(self, place: int, source: Places) -> bool:
        """Whether the source is all other labels of a field that sums to one, which says nothing of the data."""
        field = self.columns.names[place][0]
        return field in self.columns.simplex and {place, *source.tolist()} == set(self.columns.of(field).tolist())

    def found(self, place: int, source: str, relation: str, records: int) -> Dependence:
        self.related.add((place, source))
        field, label = self.columns.names[place]
        return Dependence(field, label, source, f"{self.columns.full_name(place)} {relation}", records)

    def pairs(self) -> Iterator[Dependence]:
        """Labels that one earlier label gives by an affine map."""
        values, names = self.columns.values, self.columns.names
        r2 = _pairwise_r2(values)
        for first, second in np.argwhere(np.triu(r2 > EXACT, 1)).tolist():
            both = self.there[:, first] & self.there[:, second]
            records = int(both.sum())
            if self.given(second, np.array([first])) or not self.beyond_chance(second, both, records - 2):
                continue
            self.related.add((first, names[second][0]))
            relation = _affine(values[both, first], values[both, second], self.columns.full_name(first))
            yield self.found(second, names[first][0], relation, records)

    def maps(self) -> Iterator[Dependence]:
        """Labels that the labels of a field, or the other labels of their own, give by a linear map."""
        for field in self.fields:
            own = self.columns.of(field)
            if len(own) < 2:
                continue
            outside = np.setdiff1d(np.arange(len(self.columns.names)), own)
            yield from self._maps_of(own, field, field, outside)
            for place in own:
                rest = own[own != place]
                if not self.given(int(place), rest):
                    yield from self._maps_of(rest, field, f"the other labels of {field}", place[None])

    def _maps_of(self, source: Places, field: str, name: str, targets: Places) -> Iterator[Dependence]:
        complete = self.there[:, source].all(1)
        patterns: dict[bytes, list[int]] = {}
        for place in targets.tolist():
            if (place, field) not in self.related:
                patterns.setdefault(np.packbits(self.there[:, place]).tobytes(), []).append(place)
        for alike in patterns.values():
            places = np.array(alike)
            rows = np.flatnonzero(complete & self.there[:, places[0]])
            if len(rows) < FEWEST:
                continue
            r2 = _r2(self.columns.values[np.ix_(rows, source)], self.columns.values[np.ix_(rows, places)])
            for place in places[r2 > EXACT].tolist():
                if self.beyond_chance(place, rows, len(rows) - len(source) - 1):
                    yield self.found(place, field, f"is a linear map of {name}", len(rows))

    def functions(self) -> Iterator[Dependence]:
        """Labels that are a function of a label, of a field or of the other labels of their own."""
        everything = np.arange(len(self.columns.names))
        for field in self.fields:
            own = self.columns.of(field)
            for place in own:
                yield from self._functions_of(place[None], field, self.columns.full_name(place), everything)
            if len(own) < 2:
                continue
            yield from self._functions_of(own, field, field, everything)
            for place in own:
                rest = own[own != place]
                yield from self._functions_of(rest, field, f"the other labels of {field}", place[None])

    def _functions_of(self, source: Places, field: str, name: str, targets: Places) -> Iterator[Dependence]:
        places = [
            place
            for place in targets.tolist()
            if place not in source and (place, field) not in self.related and not self.given(place, source)
        ]
        complete = np.flatnonzero(self.there[:, source].all(1))
        keys = self._keys(complete, source)
        repeated = np.bincount(keys, minlength=1)[keys] > 1
        if not places or repeated.sum() < max(FEWEST, len(complete) / 2):
            return
        order = np.argsort(keys[repeated], kind="stable")
        rows = complete[repeated][order]
        starts = np.flatnonzero(np.diff(keys[repeated][order], prepend=-1))
        held = self.columns.values[np.ix_(rows, places)]
        high, low = np.fmax.reduceat(held, starts), np.fmin.reduceat(held, starts)
        for number in np.flatnonzero(((high == low) | np.isnan(high)).all(0)):
            there = self.there[rows, places[number]]
            checks = int(there.sum()) - int((~np.isnan(high[:, number])).sum())
            enough = there.sum() >= max(FEWEST, self.there[complete, places[number]].sum() / 2)
            if enough and self.beyond_chance(places[number], rows[there], checks):
                yield self.found(places[number], field, f"is a function of {name}", int(there.sum()))

    def _keys(self, rows: Places, source: Places) -> Places:
        """(n,): rows that agree in all source columns have equal numbers, from 0 without gaps."""
        keys, size = np.zeros(len(rows), dtype=np.int64), 1
        for place in source.tolist():
            if size * self.sizes[place] >= 2**62:
                distinct, keys = np.unique(keys, return_inverse=True)
                size = len(distinct)
            keys, size = keys * self.sizes[place] + self.codes[rows, place], size * self.sizes[place]
        return np.unique(keys, return_inverse=True)[1].astype(np.int64)


def _affine(x: Numbers, y: Numbers, name: str) -> str:
    """What y is of x, for people."""
    if np.array_equal(x, y):
        return f"equals {name}"
    slope, start = np.polyfit(x, y, 1)
    if abs(start) < 1e-6 * y.std():
        return f"equals {name} up to rounding" if abs(slope - 1) < 1e-6 else f"= {slope:.4g} * {name}"
    return f"= {start:.4g} {'-' if slope < 0 else '+'} {abs(slope):.4g} * {name}"


def _agreement(values: Numbers) -> float:
    """Probability that two of some numbers are equal; 1 for none."""
    _, counts = np.unique(values, return_counts=True)
    return float(((counts / counts.sum()) ** 2).sum()) if len(counts) else 1.0


def _pairwise_r2(values: Numbers) -> Numbers:
    """(C, C): squared correlation over the records that have both; 0 for fewer than FEWEST or a constant."""
    there = ~np.isnan(values)
    count = np.maximum(there.sum(0), 1)
    centred = np.where(there, values - np.where(there, values, 0.0).sum(0) / count, 0.0)
    scale = np.sqrt((centred**2).sum(0) / count)
    x, present = centred / np.where(scale > 0, scale, 1.0), there.astype(np.float64)
    n = present.T @ present
    sums, squares = x.T @ present, (x**2).T @ present
    covered = n * (x.T @ x) - sums * sums.T
    spread = n * squares - sums**2
    varies = spread > 1e-8 * n**2
    valid = (n >= FEWEST) & varies & varies.T
    result: Numbers = np.where(valid, covered**2 / np.where(valid, spread * spread.T, 1.0), 0.0)
    return result


def _r2(source: Numbers, targets: Numbers) -> Numbers:
    """(m,): R^2 of the linear map with intercept from (n, k) to each column of (n, m); 0 for a constant."""
    x, y = source - source.mean(0), targets - targets.mean(0)
    scale = np.sqrt((x**2).mean(0))
    x = x / np.where(scale > 0, scale, 1.0)
    residual = y - x @ (np.linalg.pinv(x.T @ x, hermitian=True) @ (x.T @ y))
    total = (y**2).sum(0)
    varies = total > 1e-12 * np.maximum(1.0, (targets**2).sum(0))
    result: Numbers = np.where(varies, 1.0 - (residual**2).sum(0) / np.where(varies, total, 1.0), 0.0)
    return result
