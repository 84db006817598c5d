"""Honest answers are those of fits without the record and its near-duplicates, to rounding."""

from __future__ import annotations

import numpy as np
import pytest

from redheart_committees import ridge
from redheart_committees.ridge import Fitted, Regressions
from redheart_core import DataError

DRAW = np.random.default_rng(0)
PHI = DRAW.normal(size=(30, 6)).astype(np.float32)
TARGETS = PHI[:, :2].astype(np.float64) @ np.array([[1.0, -1.0], [0.5, 2.0]]) + DRAW.normal(0, 0.3, (30, 2))
COUNTS = np.array([0.0, 1.0, 2.0, 1.0, 3.0] * 6)


def fit_ridge(phi: np.ndarray, targets: np.ndarray, counts: np.ndarray) -> Fitted:
    return Regressions(phi, counts, np.arange(len(phi))).fit(targets)


def plain(phi: np.ndarray, y: np.ndarray, counts: np.ndarray, penalty: float, at: np.ndarray) -> np.ndarray:
    """Ridge with an intercept by the normal equations, at some features."""
    phi = phi.astype(np.float64)
    mean, middle = counts @ phi / counts.sum(), counts @ y / counts.sum()
    centred = phi - mean
    weight = np.linalg.solve(
        (centred * counts[:, None]).T @ centred + penalty * np.eye(phi.shape[1]),
        (centred * counts[:, None]).T @ (y - middle),
    )
    return np.asarray((at - mean) @ weight + middle)


@pytest.mark.parametrize("block", [7, 8192])
def test_answers_without_a_record_are_those_of_a_fit_without_all_its_copies(
    monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(ridge, "BLOCK", block)
    found = fit_ridge(PHI, TARGETS, COUNTS)
    centred = PHI - COUNTS @ PHI / COUNTS.sum()
    unit = np.linalg.eigvalsh((centred * COUNTS[:, None]).T @ centred).mean()
    np.testing.assert_allclose(PHI @ found.weight + found.bias, plain(PHI, TARGETS, COUNTS, found.penalty * unit, PHI))
    for record in range(30):
        rest = np.where(np.arange(30) == record, 0.0, COUNTS)
        expected = plain(PHI, TARGETS, rest, found.penalty * unit, PHI[record : record + 1])
        np.testing.assert_allclose(found.honest[[record]], expected, atol=1e-9)


@pytest.mark.parametrize("block", [7, 8192])
def test_answers_without_a_cluster_are_those_of_a_fit_without_all_of_it(
    monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    """Clusters of records that are drawn often, once and not at all; one of records of which none is drawn."""
    monkeypatch.setattr(ridge, "BLOCK", block)
    clusters = np.where(np.isin(np.arange(30), [0, 5, 10]), 40, np.minimum(np.arange(30) * 7 % 30, 20))
    found = Regressions(PHI, COUNTS, clusters).fit(TARGETS)
    centred = PHI - COUNTS @ PHI / COUNTS.sum()
    penalty = found.penalty * np.linalg.eigvalsh((centred * COUNTS[:, None]).T @ centred).mean()
    for cluster in np.unique(clusters):
        held = clusters == cluster
        expected = plain(PHI, TARGETS, np.where(held, 0.0, COUNTS), penalty, PHI[held])
        np.testing.assert_allclose(found.honest[held], expected, atol=1e-9)


def test_without_the_only_cluster_nothing_is_left() -> None:
    assert not Regressions(PHI, COUNTS, np.zeros(30, np.int64)).fit(TARGETS).honest.any()


def test_the_penalty_is_that_of_the_least_honest_error() -> None:
    found = fit_ridge(PHI, TARGETS, COUNTS)
    errors = [
        np.square(one.honest - TARGETS).sum()
        for one in Regressions(PHI, COUNTS, np.arange(30)).path(TARGETS, np.ones(30, bool))
    ]
    assert found.penalty == ridge.PENALTIES[int(np.argmin(errors))]
    assert np.square(found.honest - TARGETS).sum() == min(errors)


def test_labels_with_gaps_are_fitted_on_the_records_that_have_them() -> None:
    holed = TARGETS.copy()
    holed[::3, 1] = np.nan
    found = fit_ridge(PHI, holed, np.ones(30))
    alone = fit_ridge(PHI[~np.isnan(holed[:, 1])], holed[~np.isnan(holed[:, 1]), 1:], np.ones(20))
    if found.penalty == alone.penalty:
        np.testing.assert_allclose(found.weight[:, 1:], alone.weight, atol=1e-9)
    assert bool(np.isfinite(found.honest).all())


def test_a_label_that_no_drawn_record_has_is_not_corrected_and_one_that_none_has_is_an_error() -> None:
    rare = TARGETS.copy()
    rare[:, 1] = np.nan
    rare[0, 1] = 1.0  # record 0 is not drawn
    found = fit_ridge(PHI, rare, COUNTS)
    assert not found.weight[:, 1].any()
    assert not found.honest[:, 1].any()
    with pytest.raises(DataError, match="1 labels are missing in all of 30 records"):
        fit_ridge(PHI, np.column_stack([TARGETS[:, 0], np.full(30, np.nan)]), COUNTS)


def test_without_the_only_record_nothing_is_left() -> None:
    one = np.where(np.arange(30)[:, None] == 4, TARGETS, np.nan)
    assert not fit_ridge(PHI, one, np.ones(30)).honest[4].any()


def test_fields_that_the_same_records_have_share_their_moments() -> None:
    together = Regressions(PHI, COUNTS, np.arange(30))
    found = [together.fit(TARGETS[:, [label]]) for label in range(2)]
    assert together.moments(np.ones(30, bool)) is together.moments(np.ones(30, bool))
    for label, one in enumerate(found):
        np.testing.assert_array_equal(one.honest, fit_ridge(PHI, TARGETS[:, [label]], COUNTS).honest)
