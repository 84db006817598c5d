"""Distances and labels of cases beside answers; nothing without a memory."""

from __future__ import annotations

import attrs
import numpy as np
import pytest

from redheart_core import CATALOGUE, LayerAnswers, LayerTexts
from redheart_similar_cases import redheart_provide_layers

DISTANCE, LABELS = redheart_provide_layers()


def texts(answer: list[float], *cases: list[float]) -> LayerTexts:
    between, near = np.full((2, 1, 4), np.nan), np.array([cases]).reshape(1, -1, 4)
    given = LayerAnswers(CATALOGUE["choice_factors"], np.array([answer]), between, {}, near)
    return LayerTexts(
        ["text"],
        ["en"],
        np.ones((1, 2), np.float32),
        np.ones((1, 2)),
        {"choice_factors": given},
        distances=np.linspace(0.25, 0.5, max(1, len(cases)))[None],
    )


def test_the_nearest_case_counts_and_without_a_memory_nothing_is_said() -> None:
    near = texts([0.5] * 4, [0.5] * 4, [0.1] * 4)
    assert DISTANCE.score({}, near).tolist() == [0.25]
    assert np.isnan(DISTANCE.score({}, attrs.evolve(near, distances=None))).all()
    assert np.isnan(LABELS.score({"choice_factors": np.array(0.1)}, texts([0.5] * 4))).all()


def test_labels_of_cases_are_compared_with_the_answer_in_units_of_the_usual_distance() -> None:
    arrays = LABELS.fit(texts([0.5] * 4, [0.4] * 4, [0.4] * 4))
    assert arrays["choice_factors"] == pytest.approx(0.1)
    assert LABELS.score(arrays, texts([0.5] * 4, [0.6] * 4)).tolist() == [pytest.approx(1.0)]
    far = texts([0.5, 0.5, 0.9, 0.5], [0.5, 0.5, 0.1, np.nan], [0.5, 0.5, 0.3, np.nan])
    assert LABELS.score(arrays, far).tolist() == [pytest.approx(0.7 / 3 / 0.1)]
    assert LABELS.notes is not None
    (note,) = LABELS.notes(arrays, far)
    assert note == {"choice_factors": ("the answer of risk is 0.90, and similar cases have 0.20",)}
