"""Risk-coverage curves against sums by hand."""

from __future__ import annotations

import numpy as np
import pytest

from redheart_core import DataError
from redheart_core.exact.selective import risk_coverage


def test_the_surest_come_first_and_equally_sure_ones_count_by_their_mean() -> None:
    curve = risk_coverage([0.1, 0.9, 0.5, 0.5], [1.0, 0.0, 0.0, 0.6])
    np.testing.assert_allclose(curve, [0.0, 0.15, 0.2, 0.4], atol=1e-12)


def test_the_last_risk_is_the_mean_loss_and_a_perfect_order_has_the_least_area() -> None:
    losses = np.random.default_rng(0).random(200)
    best, worst = risk_coverage(-losses, losses), risk_coverage(losses, losses)
    assert best[-1] == pytest.approx(losses.mean())
    assert (np.diff(best) >= -1e-12).all()
    assert best.mean() < losses.mean() < worst.mean()


def test_other_shapes_are_refused() -> None:
    with pytest.raises(DataError, match="equally many"):
        risk_coverage([0.1], [0.1, 0.2])
