"""Vectors of cases have length 1, and stay as they are when a case is exported and added again."""

from __future__ import annotations

import numpy as np
import pytest

from redheart_core.memory.vectors import unit


@pytest.mark.parametrize("width", [1, 2, 64, 512, 1024])
def test_a_vector_of_length_1_stays_as_it_is_to_the_last_bit(width: int) -> None:
    draw = np.random.default_rng(0)
    for scale in (1e-30, 1.0, 1e30):
        for given in scale * draw.normal(size=(500, width)):
            once = unit(given, width, "case")
            assert np.linalg.norm(once.astype(np.float64)) == pytest.approx(1.0, abs=1e-7)
            again = unit(once.tolist(), width, "case")
            assert again.tobytes() == once.tobytes()


def test_another_length_is_scaled_to_1() -> None:
    assert unit([3.0, 4.0], 2, "case").tolist() == pytest.approx([0.6, 0.8])
    assert unit([0.6 * 1.00001, 0.8 * 1.00001], 2, "case").tolist() == pytest.approx([0.6, 0.8], abs=1e-7)
    assert unit([0.0, -5.0], 2, "case").tolist() == [0.0, -1.0]
