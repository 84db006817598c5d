"""The hedonic calculus: vectors H1-H13 by hand, quadrature, and its invariants."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest
from scipy import integrate

from redheart_core import DataError
from redheart_core.exact import hedonic
from redheart_core.exact.hedonic import Lots

LN2 = math.log(2.0)


def one(*numbers: float, rate: float = 0.0, **rest: float) -> Any:
    """Value of a lot by sign, intensity, days, certainty, delay, fecundity, purity."""
    return hedonic.lot_value(Lots(*numbers, **rest), rate)


def village(rate: float = 0.0) -> tuple[Any, Any]:
    lots = Lots([1, -1], [0.6, 0.5], [2, 4], [0.9, 0.5], [0, 1], [0.2, 0], [0.9, 1], [3, 1])
    return hedonic.net_and_gross(lots, rate)


def in_context() -> tuple[Any, Any]:
    value = hedonic.context_factor([1.2, 0.8, 1.5, 1, 2, 0.5]) * hedonic.with_side_effects(*village(), 0.4, 0.5, 0.2)
    return value, hedonic.bounded_score(value, 1.0)


VECTORS: list[tuple[str, Callable[[], Any], Any]] = [
    ("H1", lambda: one(1, 0.8, 2, 0.5, 0, 0, 1), 0.8),
    ("H2", lambda: one(1, 0.8, 2, 0.5, 0, 0.25, 0.75), 0.8),
    ("H3", lambda: one(1, 0.8, 2, 0.5, 0, 0.5, 0.9), 1.12),
    ("H4", lambda: one(-1, 0.8, 2, 0.5, 0, 0.5, 0.9), -1.12),
    ("H5", lambda: one(1, 1, 1, 1, 1, 0, 1, rate=LN2), 0.360673760222),
    ("H6", lambda: one(1, 0.5, 4, 1, 0, 0, 0), 0.0),
    ("H7", lambda: hedonic.hyperbolic_duration(2, 1, 0.1), 1.670540846632),
    ("H8", lambda: village(), (2.564, 4.564)),
    ("H9", lambda: village(0.1), (2.484451084342, 3.975984875959)),
    ("H10", lambda: hedonic.with_side_effects(*village(), 0.4, 0.5, 0.2), 2.421375),
    ("H11", lambda: hedonic.context_factor([1.2, 0.8, 1.5, 1, 2, 0.5]), 1.062658569183),
    ("H12", lambda: in_context(), (2.573094892955, 0.720130578684)),
    ("H13", lambda: hedonic.context_factor([0.1, 9, 1, 1, 1, 1]), 0.953184292997),
]


@pytest.mark.parametrize(("value", "expected"), [v[1:] for v in VECTORS], ids=[v[0] for v in VECTORS])
def test_vector(value: Callable[[], Any], expected: Any) -> None:
    np.testing.assert_allclose(value(), expected, rtol=0, atol=1e-9)


def drawn(seed: int, *shape: int) -> Lots:
    draw = np.random.default_rng(seed)

    def share() -> Any:
        return draw.random(shape)

    sign = np.where(draw.random(shape) < 0.5, -1.0, 1.0)
    return Lots(sign, share(), 9 * share(), share(), 5 * share(), share(), share(), 4 * share())


@pytest.mark.parametrize("hyperbolic", [False, True])
@pytest.mark.parametrize("rate", [0.0, 1e-9, 0.03, 2.0])
def test_the_duration_is_the_integral_of_the_discount(hyperbolic: bool, rate: float) -> None:
    def discount(x: float) -> float:
        return 1.0 / (1.0 + rate * x) if hyperbolic else math.exp(-rate * x)

    found = (hedonic.hyperbolic_duration if hyperbolic else hedonic.exponential_duration)(3.0, 1.5, rate)
    assert float(found) == pytest.approx(integrate.quad(discount, 1.5, 4.5)[0], abs=1e-10)


@pytest.mark.parametrize("duration", [hedonic.exponential_duration, hedonic.hyperbolic_duration])
def test_durations_add_up_one_after_the_other(duration: Callable[..., Any]) -> None:
    whole = duration(7.0, 0.5, 0.2)
    assert float(whole) == pytest.approx(float(duration(3.0, 0.5, 0.2) + duration(4.0, 3.5, 0.2)), abs=1e-12)


@pytest.mark.parametrize(
    ("name", "direction"),
    [
        ("intensity", 1),
        ("certainty", 1),
        ("days", 1),
        ("fecundity", 1),
        ("purity", 1),
        ("persons", 1),
        ("delay_days", -1),
    ],
)
@pytest.mark.parametrize("hyperbolic", [False, True])
def test_the_size_of_a_value_is_monotone_in_each_circumstance(name: str, direction: int, hyperbolic: bool) -> None:
    lots = drawn(1, 500)
    more = attrs.evolve(lots, **{name: getattr(lots, name) + 0.1 * (1 - np.minimum(getattr(lots, name), 1))})
    sizes = [np.abs(x.persons * hedonic.lot_value(x, 0.1, hyperbolic=hyperbolic)) for x in (lots, more)]
    assert (direction * (sizes[1] - sizes[0]) >= -1e-12).all()
    assert np.abs(sizes[1] - sizes[0]).max() > 0.01


@pytest.mark.parametrize("name", ["intensity", "certainty", "days", "persons"])
def test_zero_intensity_certainty_duration_or_extent_is_worth_exactly_nothing(name: str) -> None:
    lots = attrs.evolve(drawn(2, 50), **{name: 0.0})
    assert [float(total) for total in hedonic.net_and_gross(lots, 0.1)] == [0.0, 0.0]


def test_zero_fecundity_is_worth_something() -> None:
    assert one(1, 0.5, 2, 1, 0, 0, 1) == 1.0


def test_flipping_signs_and_burdens_negates_the_value() -> None:
    lots, (e, r, d) = drawn(3, 20, 6), np.random.default_rng(3).uniform(-1, 1, (3, 20))
    value = hedonic.with_side_effects(*hedonic.net_and_gross(lots, 0.1), e, r, d)
    flipped = hedonic.net_and_gross(attrs.evolve(lots, sign=-lots.sign), 0.1)
    np.testing.assert_allclose(hedonic.with_side_effects(*flipped, -e, -r, -d), -value, atol=1e-12)


def test_value_grows_with_each_pleasure_and_falls_with_each_pain() -> None:
    lots, burdens = drawn(4, 300), (1.0, -1.0, 1.0)
    lots = attrs.evolve(lots, intensity=lots.intensity * 0.9)
    base = hedonic.with_side_effects(*hedonic.net_and_gross(lots), *burdens, weights=(0.5, 0.3, 0.2))
    for place in range(300):
        more = lots.intensity + 0.1 * (np.arange(300) == place)
        net_and_gross = hedonic.net_and_gross(attrs.evolve(lots, intensity=more))
        moved = hedonic.with_side_effects(*net_and_gross, *burdens, weights=(0.5, 0.3, 0.2)) - base
        assert lots.sign[place] * moved >= -1e-9


def test_values_add_over_persons_and_lots_and_batches_hold_the_same_as_single_calls() -> None:
    lots = drawn(5, 4, 6)
    net, gross = hedonic.net_and_gross(lots, 0.05)
    assert net.shape == gross.shape == (4,)
    for row in range(4):
        single = [
            Lots(*(getattr(lots, field.name)[row, column] for field in attrs.fields(Lots))) for column in range(6)
        ]
        values = [float(lot.persons * hedonic.lot_value(lot, 0.05)) for lot in single]
        assert net[row] == pytest.approx(math.fsum(values), abs=1e-12)
        assert gross[row] == pytest.approx(math.fsum(map(abs, values)), abs=1e-12)


def test_context_never_changes_the_sign_and_stays_in_its_range() -> None:
    draw = np.random.default_rng(6)
    factor = hedonic.context_factor(draw.normal(1, 3, (1000, 6)), draw.dirichlet(np.ones(6), 1000))
    assert factor.shape == (1000,)
    assert factor.min() >= 0.3 - 1e-12
    assert factor.max() <= 2.5 + 1e-12


def test_no_lots_are_worth_nothing() -> None:
    assert [float(total) for total in hedonic.net_and_gross(Lots([], [], []), 0.1)] == [0.0, 0.0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: one(1, math.nan, 2), "intensity must be finite, got nan; drop or fill"),
        (lambda: one(1, 1.5, 2), r"intensity must lie in 0\.\.1, got 1\.5"),
        (lambda: one(0, 0.5, 2), r"sign must be \+1 \(pleasure\) or -1 \(pain\), got 0"),
        (lambda: Lots([1, 1], [0.5, 0.5, 0.5], 1), r"circumstances of lots must have equal .* \(2,\), \(3,\)"),
        (lambda: Lots("a", 0.5, 1), "must be numbers in a rectangular array"),
        (lambda: Lots([[1], [1, 1]], 0.5, 1), "must be numbers in a rectangular array"),
        (lambda: hedonic.context_factor([1.0] * 5), r"context layers need 6 numbers \(cultural.*got the shape \(5,\)"),
        (lambda: hedonic.context_factor([]), r"context layers needs the shape \(\.\.\., 6 layers >= 1\), got \(0,\)"),
        (lambda: hedonic.context_factor([1.0] * 6, [0.5] * 6), "layer weights must sum to 1, got the sum 3"),
        (lambda: hedonic.bounded_score(1.0, 0.0), "half must be above 0, got 0"),
        (lambda: hedonic.with_side_effects(1, 1, 0, 0, 0, (0.5, 0.5, 0.5)), "must sum to at most 1, got 1.5"),
        (
            lambda: hedonic.with_side_effects([1, 2], [1, 2], [0, 0, 0], 0, 0),
            "net, gross and the burdens must have equal",
        ),
        (lambda: hedonic.chain_factor(0.5, 0.5, opposite=1.5), r"opposite must lie in 0\.\.1, got 1\.5"),
    ],
)
def test_bad_numbers_are_refused_with_the_remedy(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        call()
