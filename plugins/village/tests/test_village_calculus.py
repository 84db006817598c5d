"""The formulas against the vectors H and R by hand."""

import math
from typing import Any

import pytest

from redheart_village import calculus, regret
from redheart_village.calculus import Lot

H8 = (
    Lot(sign=1, intensity=0.6, days=2, certainty=0.9, fecundity=0.2, purity=0.9, persons=3),
    Lot(sign=-1, intensity=0.5, days=4, certainty=0.5, delay_days=1),
)
U = [[8, 1, 4], [5, 5, 5], [2, 9, 3]]
P = [0.5, 0.3, 0.2]


@pytest.mark.parametrize(
    ("lot", "rho", "value"),
    [
        pytest.param(Lot(1, 0.8, 2, 0.5), 0.0, 0.8, id="H1"),
        pytest.param(Lot(1, 0.8, 2, 0.5, fecundity=0.25, purity=0.75), 0.0, 0.8, id="H2"),
        pytest.param(Lot(1, 0.8, 2, 0.5, fecundity=0.5, purity=0.9), 0.0, 1.12, id="H3"),
        pytest.param(Lot(-1, 0.8, 2, 0.5, fecundity=0.5, purity=0.9), 0.0, -1.12, id="H4"),
        pytest.param(Lot(1, 1, 1, 1, delay_days=1), math.log(2), 0.360673760222, id="H5"),
        pytest.param(Lot(1, 0.5, 4, 1, purity=0), 0.0, 0.0, id="H6"),
    ],
)
def test_value_of_a_lot_is_the_vector(lot: Lot, rho: float, value: float) -> None:
    assert calculus.lot_value(lot, rho) == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        pytest.param(calculus.hyperbolic_duration(2, 1, 0.1), 1.670540846632, id="H7"),
        pytest.param(calculus.net_and_gross(H8, 0.0), (2.564, 4.564), id="H8"),
        pytest.param(calculus.net_and_gross(H8, 0.1), (2.484451084342, 3.975984875959), id="H9"),
        pytest.param(calculus.with_side_effects(2.564, 4.564, 0.4, 0.5, 0.2), 2.421375, id="H10"),
        pytest.param(calculus.context_factor((1.2, 0.8, 1.5, 1, 2, 0.5)), 1.062658569183, id="H11"),
        pytest.param(calculus.bounded_score(1.062658569183 * 2.421375, 1.0), 0.720130578684, id="H12"),
        pytest.param(calculus.context_factor((0.1, 9, 1, 1, 1, 1)), 0.953184292997, id="H13"),
        pytest.param(calculus.days_to_unit(2.772588722240, 2), 0.75, id="H14 duration"),
        pytest.param(calculus.delay_to_unit(6.931471805599, 0.1), 0.5, id="H14 propinquity"),
        pytest.param(calculus.persons_from_unit(0.5, 100), 9.049875621121, id="H14 extent"),
        pytest.param(regret.regret_matrix(U), [[0, 8, 1], [3, 4, 0], [6, 0, 2]], id="R1"),
        pytest.param([regret.expected(row, P) for row in U], [5.1, 5.0, 4.3], id="R2 utility"),
        pytest.param([regret.expected_regret(U, P, act) for act in range(3)], [2.6, 2.7, 3.4], id="R2 regret"),
        pytest.param(min(regret.expected_regret(U, P, act) for act in range(3)), 2.6, id="R3"),
        pytest.param(regret.regret_matrix(U)[2][0], 6, id="R7 against the best"),
    ],
)
def test_formula_gives_the_vector(result: Any, expected: Any) -> None:
    flat = [number for row in result for number in row] if isinstance(result, list) and _nested(result) else result
    wanted = [number for row in expected for number in row] if _nested(expected) else expected
    assert flat == pytest.approx(wanted, abs=1e-9)


def _nested(value: Any) -> bool:
    return isinstance(value, list) and isinstance(value[0], list)


@pytest.mark.parametrize("number", [0.0, 0.1, 0.5, 0.9])
def test_mappings_to_unit_and_back_are_inverse(number: float) -> None:
    assert calculus.persons_to_unit(calculus.persons_from_unit(number, 100), 100) == pytest.approx(number, abs=1e-12)


def test_duration_adds_up_over_consecutive_spans() -> None:
    whole = calculus.exponential_duration(7, 2, 0.02)
    parts = calculus.exponential_duration(3, 2, 0.02) + calculus.exponential_duration(4, 5, 0.02)
    assert whole == pytest.approx(parts, abs=1e-12)


def test_entropy_is_zero_for_a_sure_thing_and_log_n_for_equal_chances() -> None:
    assert regret.entropy_bits([1.0, 0.0]) == 0.0
    assert regret.entropy_bits([0.25] * 4) == 2.0


def test_margin_is_the_lead_of_the_best_over_the_second() -> None:
    assert regret.margin([1.0, 4.0, 2.5]) == 1.5
    assert regret.margin([3.0, 3.0]) == 0.0
