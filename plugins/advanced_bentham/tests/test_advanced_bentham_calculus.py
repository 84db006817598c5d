"""The calculus on tensors against vectors by hand, quadrature, and what has to hold for any input."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from redheart_advanced_bentham import calculus
from redheart_advanced_bentham.calculus import CIRCUMSTANCES, Lot, Units
from redheart_advanced_bentham.model import NEUTRAL, Verdict, value_of

DOUBLE = torch.float64


def number(value: float) -> Tensor:
    return torch.tensor(value, dtype=DOUBLE)


def lot(
    intensity: float, days: float, certainty: float, delay: float, fecundity: float, purity: float, persons: float = 1.0
) -> Lot:
    return Lot(*map(number, (intensity, days, certainty, delay, fecundity, purity, persons)))


def units(rho: float) -> Units:
    return Units(rho=rho)


def lot_from_units(circumstances: Tensor, units: Units) -> Lot:
    """Circumstances in 0..1, (..., 7), to physical units, each as it is defined."""
    intensity, duration, certainty, propinquity, fecundity, purity, extent = circumstances.unbind(-1)
    days, delay = -units.days_scale * torch.log1p(-duration), -torch.log(propinquity) / units.rho
    persons = torch.expm1(extent * torch.log1p(extent.new_tensor(units.most_persons)))
    return Lot(intensity, days, certainty, delay, fecundity, purity, persons)


def near(value: Tensor, expected: float) -> None:
    assert value.item() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("name", "one", "rho", "expected"),
    [
        ("H1", lot(0.8, 2, 0.5, 0, 0, 1), 0.0, 0.8),
        ("H2", lot(0.8, 2, 0.5, 0, 0.25, 0.75), 0.0, 0.8),
        ("H3", lot(0.8, 2, 0.5, 0, 0.5, 0.9), 0.0, 1.12),
        ("H5", lot(1, 1, 1, 1, 0, 1), math.log(2), 0.360673760222),
        ("H6", lot(0.5, 4, 1, 0, 0, 0), 0.0, 0.0),
    ],
)
def test_sizes_of_single_lots(name: str, one: Lot, rho: float, expected: float) -> None:
    near(calculus.size_of(one, units(rho)), expected)


def act(one: Lot, balance: float, rho: float, burdens: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Tensor:
    verdict = Verdict(
        one, number(1.0), number(balance), torch.tensor(burdens, dtype=DOUBLE), torch.ones(6, dtype=DOUBLE)
    )
    return value_of(verdict, units(rho))


def test_h4_pain_has_the_same_size_with_the_other_sign() -> None:
    near(act(lot(0.8, 2, 0.5, 0, 0.5, 0.9), -math.inf, 0.0), -1.12)


def test_h7_hyperbolic_discount() -> None:
    near(calculus.hyperbolic_duration(number(2), number(1), 0.1), 1.670540846632)
    hyperbolic = Units(hyperbolic_rate=0.1)
    near(calculus.size_of(lot(1, 2, 1, 1, 0, 1), hyperbolic), 1.670540846632)


@pytest.mark.parametrize(
    ("name", "rho", "net", "gross"), [("H8", 0.0, 2.564, 4.564), ("H9", 0.1, 2.484451084342, 3.975984875959)]
)
def test_net_and_gross_of_several_persons(name: str, rho: float, net: float, gross: float) -> None:
    pleasure = calculus.size_of(lot(0.6, 2, 0.9, 0, 0.2, 0.9, 3), units(rho))
    pain = calculus.size_of(lot(0.5, 4, 0.5, 1, 0, 1, 1), units(rho))
    near(pleasure - pain, net)
    near(pleasure + pain, gross)


def test_h10_burdens() -> None:
    near(calculus.with_burdens(*map(number, (2.564, 4.564, 0.4, 0.5, 0.2))), 2.421375)
    # the same out of a net share: H / G = 2.564 / 4.564 of a lot of size 4.564
    near(act(lot(1, 4.564, 1, 0, 0, 1), math.atanh(2.564 / 4.564), 0.0, (0.4, 0.5, 0.2)), 2.421375)


@pytest.mark.parametrize(
    ("name", "layers", "expected"),
    [
        ("H11", (1.2, 0.8, 1.5, 1, 2, 0.5), 1.062658569183),
        ("H13", (0.1, 9, 1, 1, 1, 1), 0.953184292997),
    ],
)
def test_context_factors(name: str, layers: tuple[float, ...], expected: float) -> None:
    near(calculus.context_factor(torch.tensor(layers, dtype=DOUBLE)), expected)


def test_h12_bounded_score() -> None:
    value = 2.421375 * calculus.context_factor(torch.tensor((1.2, 0.8, 1.5, 1, 2, 0.5), dtype=DOUBLE))
    near(value, 2.573094892955)
    near(calculus.bounded_score(value, 1.0), 0.720130578684)


def test_h14_units() -> None:
    logits = torch.logit(torch.tensor([0.5, 0.75, 0.5, 0.5, 0.5, 0.5], dtype=DOUBLE))
    found = calculus.lot_from_logits(logits, number(0.5), Units(days_scale=2.0, rho=0.1))
    near(found.days, 2.772588722240)
    near(found.delay_days, 6.931471805599)
    near(calculus.persons_from_unit(number(0.5), 100.0), 9.049875621121)
    near(calculus.persons_from_unit(number(0.0), 100.0), 0.0)


def test_the_neutral_layer_is_where_it_is_declared() -> None:
    assert pytest.approx(0.273048330653, abs=1e-12) == NEUTRAL


def test_layers_that_do_not_count_are_one() -> None:
    layers = torch.tensor((1.2, 0.8, 1.5, 1, 2, 0.5), dtype=DOUBLE)
    near(calculus.context_factor(layers, (2, 4)), (1.5 * 2) ** (1 / 6))


@pytest.mark.parametrize("rho", [0.0, 1e-9, 0.02, 0.5])
def test_the_integral_is_that_of_the_discount(rho: float) -> None:
    for days, delay in ((3.0, 0.0), (40.0, 7.0), (0.5, 100.0)):
        x = np.linspace(delay, delay + days, 20_001)
        expected = float(np.trapezoid(np.exp(-rho * x), x))
        assert calculus.exponential_duration(number(days), number(delay), rho).item() == pytest.approx(
            expected, rel=1e-6
        )


def test_the_integral_adds_up_over_adjoining_spans() -> None:
    for discount in (units(0.02), Units(hyperbolic_rate=0.1)):
        whole = calculus.duration_integral(number(9), number(2), discount)
        first = calculus.duration_integral(number(4), number(2), discount)
        rest = calculus.duration_integral(number(5), number(6), discount)
        near(first + rest, whole.item())


def random_acts(count: int = 500) -> tuple[Tensor, Verdict]:
    """Circumstances in 0..1 and all that the calculus needs beside them."""
    draw = torch.Generator().manual_seed(3)
    circumstances = torch.rand(count, 7, generator=draw, dtype=DOUBLE) * 0.98 + 0.01
    verdict = Verdict(
        lot_from_units(circumstances, Units()),
        torch.rand(count, generator=draw, dtype=DOUBLE) * 5 + 0.1,
        torch.randn(count, generator=draw, dtype=DOUBLE),
        torch.rand(count, 3, generator=draw, dtype=DOUBLE) * 2 - 1,
        torch.rand(count, 6, generator=draw, dtype=DOUBLE) * 2.2 + 0.3,
    )
    return circumstances, verdict


def replaced(verdict: Verdict, circumstances: Tensor) -> Verdict:
    lots = lot_from_units(circumstances, Units())
    return Verdict(lots, verdict.lots, verdict.balance, verdict.burdens, verdict.layers)


def score(verdict: Verdict) -> Tensor:
    return calculus.bounded_score(value_of(verdict, Units()) * calculus.context_factor(verdict.layers), 15.0)


@pytest.mark.parametrize("dimension", CIRCUMSTANCES)
def test_the_size_of_the_value_never_falls_when_a_circumstance_rises(dimension: str) -> None:
    circumstances, verdict = random_acts()
    place = CIRCUMSTANCES.index(dimension)
    raised = circumstances.clone()
    raised[:, place] += (1 - raised[:, place]) * 0.5
    before, after = score(verdict), score(replaced(verdict, raised))
    assert bool((after.abs() > before.abs()).all())
    assert torch.equal(after.sign(), before.sign())


def test_a_longer_delay_never_adds_value() -> None:
    now, later = lot(0.5, 9, 0.5, 3, 0.2, 0.8), lot(0.5, 9, 0.5, 4, 0.2, 0.8)
    for discount in (units(0.02), Units(hyperbolic_rate=0.1)):
        assert calculus.size_of(later, discount) < calculus.size_of(now, discount)


@pytest.mark.parametrize(("burden", "direction"), [(0, -1.0), (1, 1.0), (2, -1.0)])
def test_costs_and_damage_lower_the_value_and_redistribution_raises_it(burden: int, direction: float) -> None:
    _, verdict = random_acts()
    heavier = verdict.burdens.clone()
    heavier[:, burden] += 0.1
    other = Verdict(verdict.lot, verdict.lots, verdict.balance, heavier, verdict.layers)
    assert bool(((score(other) - score(verdict)) * direction > 0).all())


@pytest.mark.parametrize("dimension", ["intensity", "duration", "certainty", "extent"])
def test_nothing_felt_is_worth_exactly_nothing(dimension: str) -> None:
    circumstances, verdict = random_acts(20)
    circumstances[:, CIRCUMSTANCES.index(dimension)] = 0.0
    assert not score(replaced(verdict, circumstances)).any()


def test_all_signs_turned_turn_the_value() -> None:
    _, verdict = random_acts()
    turned = Verdict(verdict.lot, verdict.lots, -verdict.balance, -verdict.burdens, verdict.layers)
    torch.testing.assert_close(score(turned), -score(verdict))


def test_more_pleasure_is_never_worse_and_more_pain_never_better() -> None:
    _, verdict = random_acts()
    gladder = Verdict(verdict.lot, verdict.lots, verdict.balance + 0.1, verdict.burdens, verdict.layers)
    assert bool((score(gladder) > score(verdict)).all())


def test_by_a_late_horizon_everything_has_come_and_by_one_before_the_delay_nothing() -> None:
    _, verdict = random_acts(50)
    days = torch.tensor([0.0, 1.0, 10.0, 100.0, 1e6], dtype=DOUBLE)
    values = value_of(verdict, Units(), horizon_days=days)
    assert values.shape == (50, 5)
    torch.testing.assert_close(values[:, -1], value_of(verdict, Units()))
    assert not values[:, 0].any()
    assert bool((values.abs().diff(dim=1) >= 0).all())
    assert torch.equal(values[:, 1] == 0, verdict.lot.delay_days >= 1.0)


def test_a_lot_that_begins_gradually_has_a_little_of_itself_before_every_horizon() -> None:
    _, verdict = random_acts(50)
    days = torch.tensor([1.0, 10.0, 1e6], dtype=DOUBLE)
    sharp, soft = (value_of(verdict, Units(spread_days=spread), horizon_days=days) for spread in (0.0, 3.0))
    assert bool((soft != 0).all())
    assert bool((soft.abs() >= sharp.abs()).all())
    torch.testing.assert_close(soft[:, -1], sharp[:, -1])
    sharper = value_of(verdict, Units(spread_days=1e-4), horizon_days=days)
    torch.testing.assert_close(sharper, sharp, atol=1e-3, rtol=1e-3)


def test_logits_and_shares_make_the_same_lot() -> None:
    draw = torch.Generator().manual_seed(5)
    logits = torch.randn(40, 6, generator=draw, dtype=DOUBLE) * 4
    extent = torch.rand(40, generator=draw, dtype=DOUBLE)
    by_logits = calculus.lot_from_logits(logits, extent, Units())
    by_units = lot_from_units(torch.cat([logits.sigmoid(), extent.unsqueeze(1)], 1), Units())
    for name in ("intensity", "days", "certainty", "delay_days", "fecundity", "purity", "persons"):
        torch.testing.assert_close(getattr(by_logits, name), getattr(by_units, name))


def test_the_gradient_is_that_of_the_calculus() -> None:
    circumstances, verdict = random_acts(4)
    free = (circumstances, verdict.lots, verdict.balance, verdict.burdens, verdict.layers)

    def whole(shares: Tensor, lots: Tensor, balance: Tensor, burdens: Tensor, layers: Tensor) -> Tensor:
        return score(Verdict(lot_from_units(shares, Units()), lots, balance, burdens, layers))

    assert torch.autograd.gradcheck(whole, tuple(tensor.clone().requires_grad_() for tensor in free))


def test_a_layer_moves_the_score_by_its_share_of_the_mean() -> None:
    _, verdict = random_acts(30)
    layers = verdict.layers.clone().requires_grad_()
    moving = Verdict(verdict.lot, verdict.lots, verdict.balance, verdict.burdens, layers)
    (gradient,) = torch.autograd.grad(score(moving).sum(), layers)
    value = value_of(verdict, Units()) * verdict.layers.log().mean(1).exp()
    expected = (value * 15.0 / (15.0 + value.abs()).square()).unsqueeze(1) / 6 / verdict.layers
    torch.testing.assert_close(gradient, expected)
