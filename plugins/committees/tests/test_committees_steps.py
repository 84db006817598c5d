"""Steps along what was learnt of an error: none where nothing is left, the least loss elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from redheart_committees.steps import LONGEST, Aim, Kind, middle

DRAW = np.random.default_rng(0)
RAW = DRAW.normal(size=(200, 3))
KINDS: tuple[Kind, ...] = ("values", "labels", "shares")


def aim(kind: Kind) -> Aim:
    z = RAW + DRAW.normal(size=RAW.shape)
    if kind == "values":
        return Aim(z, kind)
    if kind == "labels":
        return Aim((z > 0).astype(float), kind)
    return Aim(np.exp(z) / np.exp(z).sum(1, keepdims=True), kind)


def loss(of: Aim, raw: np.ndarray) -> float:
    p = of.mean(raw)
    if of.kind == "values":
        return float(np.square(p - of.targets).sum())
    if of.kind == "labels":
        return float(-(of.targets * np.log(p) + (1 - of.targets) * np.log(1 - p)).sum())
    return float(-(of.targets * np.log(p)).sum())


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_has_the_least_loss_along_its_direction(kind: Kind) -> None:
    of = aim(kind)
    direction = of.residual(RAW) * 0.7 + DRAW.normal(0, 0.3, RAW.shape)
    found = of.step(RAW, direction)
    if kind == "labels":
        for label in range(3):
            one, raw, along = Aim(of.targets[:, [label]], kind), RAW[:, [label]], direction[:, [label]]
            best = minimize_scalar(lambda length, o=one, r=raw, a=along: loss(o, r + length * a), (0.0, 1.0)).x
            assert found[label] == pytest.approx(best, rel=1e-3)
    else:
        best = minimize_scalar(lambda length: loss(of, RAW + length * direction), (0.0, 1.0)).x
        assert found == pytest.approx(min(best, 1.0) if kind == "values" else best, rel=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_added_along_a_direction_that_makes_it_worse(kind: Kind) -> None:
    of = aim(kind)
    assert not of.step(RAW, -of.residual(RAW)).any()
    assert of.step(RAW, np.zeros_like(RAW)).tolist() == [1.0] * 3  # all the way along nothing


def test_steps_are_bounded_where_the_direction_is_perfect() -> None:
    of = aim("labels")
    assert of.step(np.zeros_like(RAW), of.residual(np.zeros_like(RAW))).tolist() == [LONGEST] * 3


@pytest.mark.parametrize("kind", KINDS)
def test_missing_targets_have_no_residual_and_do_not_count(kind: Kind) -> None:
    whole = aim(kind)
    holed = whole.targets.copy()
    holed[:50] = np.nan
    part, rest = Aim(holed, kind), Aim(whole.targets[50:], kind)
    assert bool(np.isnan(part.residual(RAW)[:50]).all())
    direction = np.nan_to_num(part.residual(RAW)) + 0.1
    np.testing.assert_allclose(part.step(RAW, direction), rest.step(RAW[50:], direction[50:]), rtol=1e-5)
    np.testing.assert_allclose(middle(part), middle(rest))


def test_shares_are_those_among_the_labels_that_are_there() -> None:
    of = Aim(np.array([[0.25, 0.75, np.nan]]), "shares")
    np.testing.assert_allclose(of.mean(np.zeros((1, 3))), [[0.5, 0.5, 0.0]])
    np.testing.assert_allclose(of.residual(np.zeros((1, 3)))[0, :2], [-0.25, 0.25])
