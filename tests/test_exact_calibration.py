"""Temperature scaling with shares in place of labels, and probabilities at a temperature."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, special

from redheart_core import DataError
from redheart_core.exact.calibration import fit_temperature, fit_temperature_to_shares, tempered


def test_whole_shares_give_the_temperature_of_labels() -> None:
    draw = np.random.default_rng(0)
    logits, labels = draw.normal(0, 2, (300, 4)), draw.integers(0, 4, 300)
    assert fit_temperature_to_shares(logits, np.eye(4)[labels]) == fit_temperature(logits, labels)


def test_shares_give_the_temperature_of_the_least_cross_entropy() -> None:
    draw = np.random.default_rng(1)
    logits = draw.normal(0, 2, (300, 4))
    shares = special.softmax(logits / 1.7 + draw.normal(0, 0.3, (300, 4)), axis=1)

    def loss(temperature: float) -> float:
        return float(-(shares * special.log_softmax(logits / temperature, axis=1)).sum(1).mean())

    best = optimize.minimize_scalar(loss, bounds=(0.1, 10), method="bounded", options={"xatol": 1e-10}).x
    assert fit_temperature_to_shares(logits, shares) == pytest.approx(best, rel=1e-5)


def test_shares_of_another_shape_are_refused() -> None:
    with pytest.raises(DataError, match="shares need the shape"):
        fit_temperature_to_shares(np.ones((3, 2)), np.ones((2, 2)))


def test_probabilities_at_a_temperature_have_their_logits_divided_by_it() -> None:
    logits = np.array([[0.3, -1.0, 2.0], [0.0, 0.5, 0.1]])
    np.testing.assert_allclose(tempered(special.softmax(logits, 1), 2.0), special.softmax(logits / 2.0, 1), rtol=1e-12)
    np.testing.assert_allclose(
        tempered(special.expit(logits), 0.5, binary=True), special.expit(2.0 * logits), rtol=1e-9
    )
