"""Relations between labels: those that are there are found, those of chance are not."""

from __future__ import annotations

from typing import Any

import numpy as np

from redheart_core.inspection.dependence import Columns, find_dependences


def columns(**given: Any) -> Columns:
    return Columns(tuple((name, name) for name in given), np.array(list(given.values()), dtype=float).T, frozenset())


def test_a_relation_that_chance_gives_is_not_named() -> None:
    once = np.zeros(2000)
    once[7] = 1.0
    often = np.zeros(2000)
    often[::50] = 1.0
    assert find_dependences(columns(x=once, y=once)) == []
    assert [one.relation for one in find_dependences(columns(x=often, y=often))] == ["y equals x"]
    # distinct values give everything, and one value that repeats gives what never varies there
    draw = np.random.default_rng(0)
    distinct, coin = draw.random(2000), draw.integers(0, 2, 2000).astype(float)
    half = np.arange(2000) < 1200
    assert find_dependences(columns(x=distinct, y=coin)) == []
    assert find_dependences(columns(x=np.where(half, 0.0, distinct), y=np.where(half, 1.0, coin))) == []


def test_a_function_is_named_only_where_half_of_the_records_can_tell() -> None:
    draw = np.random.default_rng(0)
    key, fresh = draw.integers(0, 6, 2000), draw.random(2000)
    for share, relations in ((0.3, []), (0.8, ["y is a function of x"])):
        x = np.where(draw.random(2000) < share, key, fresh)
        found = find_dependences(columns(x=x, y=np.array([0.0, 1.0, 0.0, 0.0, 1.0, 1.0])[key]))
        assert [one.relation for one in found] == relations


def test_missing_numbers_take_no_part_in_relations() -> None:
    draw = np.random.default_rng(1)
    x = draw.random(400)
    y = np.where(np.arange(400) % 3 == 0, np.nan, 1 - x)
    x[::5] = np.nan
    (found,) = find_dependences(columns(x=x, y=y))
    assert found.relation == "y = 1 - 1 * x"
    assert found.records == int((~np.isnan(x) & ~np.isnan(y)).sum())
    y[1] = 0.123456 + np.nan_to_num(y[1])
    assert find_dependences(columns(x=x, y=y)) == []
