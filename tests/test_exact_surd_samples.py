"""SURD of samples agrees with the dense distribution and with published time series."""

from __future__ import annotations

import math

import numpy as np
import pytest
from exact_systems import STEPS, Series, collider, confounder, mediator

from redheart_core import DataError
from redheart_core.exact.states import quantile_bins, quantile_edges
from redheart_core.exact.surd import Surd, decompose, decompose_samples

BINS = 8


def of_series(series: Series, target: int) -> Surd:
    """Bins from the whole series, then pairs of now and next."""
    states = quantile_bins(series, BINS)
    return decompose_samples(states[1:, target - 1], states[:-1])


SYSTEM = {"S29": mediator, "S30": collider}
TABLE: dict[str, list[tuple[int, dict[str, float], float, float | None]]] = {
    "S29": [
        (1, {"U2": 0.989}, 0.336, 1.993),
        (2, {"U3": 0.867, "S123": 0.087}, 0.912, 0.264),
        (3, {"U3": 0.870, "S123": 0.109}, 0.930, 0.210),
    ],
    "S30": [
        (1, {"S23": 0.787, "R23": 0.164}, 0.362, 1.915),
        (2, {"U2": 0.873, "S123": 0.108}, 0.930, None),
        (3, {"U3": 0.871, "S123": 0.110}, 0.930, None),
    ],
}


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", ["S29", "S30"])
def test_published_time_series_have_their_shares(name: str, seed: int) -> None:
    series = SYSTEM[name](np.random.default_rng(seed))
    for target, shares, leak, information in TABLE[name]:
        found = of_series(series, target)
        assert found.samples == STEPS
        assert found.leak == pytest.approx(leak, abs=0.02)
        if information is not None:
            assert found.mutual_information == pytest.approx(information, abs=0.03)
        for term, bits in found.terms().items():
            share = bits / found.mutual_information
            if term in shares:
                assert share == pytest.approx(shares[term], abs=0.02), (target, term)
            else:
                # R23 of the mediator's q2 is 0.0266 with a spread of 0.0018 between seeds, all others are far below
                assert share < 0.03, (target, term)


def test_the_confounder_shows_in_the_leading_terms() -> None:
    series = confounder(np.random.default_rng(0))
    assert "3" in leading(of_series(series, 2))
    assert "1" in leading(of_series(series, 1))


def leading(found: Surd) -> str:
    return max(found.terms().items(), key=lambda term: term[1])[0]


@pytest.mark.parametrize("_", [pytest.param(0, id="S27")])
def test_independent_variables_show_the_known_bias(_: int) -> None:
    rng = np.random.default_rng(27)
    runs = [
        decompose_samples(rng.integers(4, size=1000), rng.integers(16, size=1000)).mutual_information
        for _ in range(300)
    ]
    assert np.mean(runs) == pytest.approx(0.0327, abs=5 * 0.0068 / math.sqrt(300))
    assert np.std(runs) == pytest.approx(0.0068, rel=0.2)


@pytest.mark.parametrize("sources", range(1, 7))
def test_samples_give_what_their_dense_counts_give(sources: int) -> None:
    rng = np.random.default_rng(sources)
    q = rng.integers(-2, 2, size=(400, sources))
    t = (q.sum(axis=1) + rng.integers(2, size=400)) % 3
    dense = np.zeros((3, *[4] * sources))
    np.add.at(dense, (t, *(q + 2).T), 1)
    found = decompose_samples(t, q)
    assert found.terms() == pytest.approx(decompose(dense).terms(), abs=1e-11)
    assert found.cells == np.count_nonzero(dense)
    assert found.samples == 400


def test_only_which_values_are_equal_matters() -> None:
    rng = np.random.default_rng(0)
    q = rng.integers(3, size=(300, 2))
    t = q[:, 0] * q[:, 1]
    far = np.array([-(10**12), 7, 10**15])
    assert decompose_samples(t, far[q]).terms() == pytest.approx(decompose_samples(t, q).terms(), abs=1e-12)
    order = rng.permutation(300)
    assert decompose_samples(t[order], q[order]).terms() == pytest.approx(decompose_samples(t, q).terms(), abs=1e-12)


def test_many_more_states_than_samples_take_memory_of_the_samples_alone() -> None:
    rng = np.random.default_rng(1)
    q = rng.integers(10, size=(500, 9))
    found = decompose_samples(q[:, 0] % 2, q)
    assert found.unique[1,] + sum(v for a, v in found.redundant.items() if 1 in a) == pytest.approx(
        found.target_entropy, abs=1e-9
    )
    assert not found.well_sampled


def test_a_value_on_an_edge_is_in_the_bin_above() -> None:
    values = np.arange(9.0)
    assert quantile_edges(values, 4)[:, 0].tolist() == [2, 4, 6]
    assert quantile_bins(values, 4).tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 3]


def test_bins_are_made_of_each_column_by_itself() -> None:
    rng = np.random.default_rng(2)
    columns = rng.normal(size=(1000, 2)) * [1.0, 1e6]
    binned = quantile_bins(columns, 5)
    assert np.array_equal(binned[:, 1], quantile_bins(columns[:, 1], 5))
    counts = [np.bincount(column).tolist() for column in binned.T]
    assert counts == [[200] * 5] * 2
    direct = decompose_samples(columns[:, 0], columns, bins=5)
    assert direct.terms() == decompose_samples(binned[:, 0], binned).terms()


def test_well_sampled_is_five_samples_per_occupied_cell() -> None:
    t, q = np.repeat([0, 1], 5), np.repeat([3, 4], 5)
    assert decompose_samples(t, q).well_sampled
    assert not decompose_samples(t[1:], q[1:]).well_sampled


def test_constant_samples_are_degenerate() -> None:
    found = decompose_samples(np.full(50, 0.1), np.random.default_rng(0).normal(size=50), bins=3)
    assert found.degenerate
    assert found.terms() == {"U1": 0.0}


@pytest.mark.parametrize(
    ("target", "sources", "bins", "message"),
    [
        ([0, 1, 0], [[0], [1]], None, "same number of samples, got target 3, sources 2"),
        ([0.5, 1.0], [0, 1], None, "target holds numbers that are not whole.*pass bins=8"),
        ([0, 1], [0.5, 1.0], None, "sources holds numbers that are not whole"),
        ([0, math.nan], [0, 1], 2, "target must be finite, got nan at .*1 such of 2.*leave out"),
        ([0, 1], [math.inf, 1], 2, "sources must be finite, got inf at"),
        ([], [], None, r"target is empty \(shape \(0,\)\)"),
        ([[0, 1], [1, 0]], [0, 1], None, r"target is one variable of shape \(N,\), got \(2, 2\)"),
        ([0, 1], [[[0]], [[1]]], None, r"sources has to be of shape \(N,\) or \(N, D\)"),
        ([0, 1], [0, 1], 1, "bins has to be a whole number of at least 2, got 1"),
        ([0, 1], np.zeros((2, 10)), None, "1 to 9 sources are supported, got 10"),
        ([1e308, -1e308], [0, 1], 2, r"target reaches 1e\+308, so that differences overflow"),
        ([0.1, 1], np.zeros((2, 9)), 80, "more joint states than 64 bits can number"),
    ],
)
def test_what_are_no_samples_is_refused(target: object, sources: object, bins: int | None, message: str) -> None:
    with pytest.raises(DataError, match=message):
        decompose_samples(target, sources, bins=bins)  # type: ignore[arg-type] # wrong on purpose
