"""Conformal risk control of label sets: the guarantee, the definition, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from redheart_core import DataError
from redheart_core.exact.risk_control import missed_shares, risk_threshold


def drawn(seed: int, count: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Probabilities of six labels, and truths that follow from them; some records have no label."""
    draw = np.random.default_rng(seed)
    p = draw.beta(0.5, 1.5, (count, 6))
    return p, draw.random((count, 6)) < p


def by_definition(p: NDArray[np.float64], truth: NDArray[np.bool_], alpha: float) -> float | None:
    """The highest of all thresholds at which something changes that keeps (sum + 1) / (n + 1) <= alpha."""
    labelled = truth.any(1)
    kept = [
        t
        for t in sorted(set(p.ravel().tolist()))
        if (missed_shares(p >= t, truth)[labelled].sum() + 1) / (labelled.sum() + 1) <= alpha + 1e-12
    ]
    return max(kept, default=None)


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.3])
def test_the_threshold_is_the_highest_that_the_definition_allows(alpha: float) -> None:
    for seed in range(20):
        p, truth = drawn(seed, 60)
        found, expected = risk_threshold(p, truth, alpha), by_definition(p, truth, alpha)
        assert found is not None
        assert expected is not None
        # between two labels that are true nothing changes, so that the sets of true labels are the same
        assert np.array_equal((p >= found) & truth, (p >= expected) & truth)
        assert found >= expected


def test_new_records_miss_at_most_the_share_on_average() -> None:
    shares = []
    for seed in range(400):
        limit = risk_threshold(*drawn(2 * seed, 50), 0.1)
        assert limit is not None
        p, truth = drawn(2 * seed + 1, 50)
        shares.append(np.nanmean(missed_shares(p >= limit, truth)))
    assert 0.07 < np.mean(shares) <= 0.1 + 3 * np.std(shares) / 20


def test_a_predictor_that_says_the_opposite_needs_almost_all_labels() -> None:
    p, truth = drawn(0, 2000)
    good, bad = risk_threshold(p, truth, 0.1), risk_threshold(1.0 - p, truth, 0.1)
    assert good is not None
    assert bad is not None
    assert (p >= good).sum(1).mean() < 3.5 < 4.5 < (1.0 - p >= bad).sum(1).mean()
    assert np.nanmean(missed_shares(1.0 - p >= bad, truth)) <= 0.1


def test_a_worked_example() -> None:
    # nine records with one label each: (0 missed + 1) / 10 = .1, so that none may be missed
    p = np.linspace(0.1, 0.9, 9)[:, None]
    assert risk_threshold(p, np.ones((9, 1)), 0.1) == 0.1
    assert risk_threshold(p, np.ones((9, 1)), 0.2) == pytest.approx(0.2)
    assert risk_threshold(p[:8], np.ones((8, 1)), 0.1) is None
    assert missed_shares([[1, 0, 0], [0, 0, 0]], [[1, 1, 0], [0, 0, 0]]).tolist() == pytest.approx(
        [0.5, np.nan], nan_ok=True
    )


def test_wrong_shapes_and_numbers_are_refused() -> None:
    with pytest.raises(DataError, match="two tables"):
        risk_threshold([[0.1, 0.2]], [[1]], 0.1)
    with pytest.raises(DataError, match="two tables"):
        missed_shares([1, 0], [1, 0])
    with pytest.raises(DataError):
        risk_threshold([[1.1]], [[1]], 0.1)
    with pytest.raises(DataError, match="alpha"):
        risk_threshold([[0.5]], [[1]], 1.0)
