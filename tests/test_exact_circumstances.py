"""Circumstances in 0..1 are worth what the hedonic calculus makes of their lots."""

from __future__ import annotations

import math

import numpy as np
import pytest

from redheart_core import DataError
from redheart_core.exact.circumstances import CIRCUMSTANCES, Units, quantities, turnover, unbounded
from redheart_core.exact.hedonic import Lots, bounded_score, lot_value

UNITS = Units()


def test_the_turnover_is_that_of_the_lot_with_these_circumstances() -> None:
    given = np.random.default_rng(3).uniform(0.01, 0.99, (200, 7))
    intensity, duration, certainty, propinquity, fecundity, purity, extent = given.T
    lots = Lots(
        sign=np.ones(200),
        intensity=intensity,
        days=-UNITS.days_scale * np.log(1.0 - duration),
        certainty=certainty,
        delay_days=-np.log(propinquity) / UNITS.rho,
        fecundity=fecundity,
        purity=purity,
    )
    persons = (1.0 + UNITS.most_persons) ** extent - 1.0
    np.testing.assert_allclose(turnover(given), persons * lot_value(lots, UNITS.rho), rtol=1e-12)


def test_the_ends_of_every_range_have_a_value() -> None:
    forever = quantities([1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0])
    assert forever[1] == pytest.approx(1.0 / UNITS.rho)
    assert forever[6] == pytest.approx(UNITS.most_persons)
    assert turnover(np.zeros(7)) == 0.0
    for place, name in enumerate(CIRCUMSTANCES):
        raised = np.full(7, 0.5)
        raised[place] = 0.6
        assert turnover(raised) > turnover(np.full(7, 0.5)), name


@pytest.mark.parametrize("horizon", [0.5, 10.0, 1000.0])
def test_before_a_horizon_counts_what_is_felt_by_then(horizon: float) -> None:
    """A lot of 20 days that begins after 5."""
    given = np.array([0.8, 1.0 - math.exp(-20.0 / 30.0), 0.9, math.exp(-0.02 * 5.0), 0.3, 0.6, 0.4])
    felt = min(20.0, max(horizon - 5.0, 0.0))
    lot = Lots(sign=1.0, intensity=0.8, days=felt, certainty=0.9, delay_days=5.0, fecundity=0.3, purity=0.6)
    persons = 101.0**0.4 - 1.0
    assert float(turnover(given, horizon)) == pytest.approx(persons * float(lot_value(lot, 0.02)), rel=1e-9)


def test_a_score_and_its_value_are_each_others_reverse() -> None:
    scores = np.linspace(-0.99, 0.99, 41)
    np.testing.assert_allclose(bounded_score(unbounded(scores), UNITS.half), scores, atol=1e-15)
    assert unbounded(0.5) == UNITS.half
    assert math.isinf(float(unbounded(1.0)))


def test_numbers_that_are_no_circumstances_are_refused() -> None:
    with pytest.raises(DataError, match=r"circumstances must lie in 0\.\.1, got 1\.2"):
        quantities([1.2, 0, 0, 0, 0, 0, 0])
    with pytest.raises(DataError, match="circumstances are intensity, duration"):
        turnover([0.5, 0.5])
