"""The loss by which answers on a field are compared, whatever each of them descends."""

from __future__ import annotations

import math

import pytest
import torch

from redheart_core import CATALOGUE, Field
from redheart_core.nn.answer_losses import answer_losses
from redheart_core.nn.answers import LEAST

NAN = math.nan


def test_values_lose_the_mean_square_of_what_is_there_in_units_of_the_range() -> None:
    answer = torch.tensor([[2.0, 3.0, 5.0], [1.0, 1.0, 1.0], [4.0, 4.0, 4.0]])
    target = torch.tensor([[1.0, 3.0, 1.0], [NAN, 3.0, 1.0], [NAN, NAN, NAN]])
    found = answer_losses(CATALOGUE["vad"], answer, target)  # 1..5
    assert found[:2].tolist() == pytest.approx([(1 + 0 + 16) / 3 / 16, (4 + 0) / 2 / 16])
    assert bool(found[2].isnan())
    assert found.dtype == torch.float64


def test_a_number_alone_has_its_own_square() -> None:
    found = answer_losses(CATALOGUE["regret"], torch.tensor([0.25, 0.5]), torch.tensor([0.5, NAN]))
    assert found[0] == 0.0625
    assert bool(found[1].isnan())


def test_distributions_lose_the_divergence_and_impossible_labels_a_finite_one() -> None:
    target = torch.tensor([[0.5, 0.5, 0, 0, 0, 0, 0], [1.0, 0, 0, 0, 0, 0, 0]])
    answer = torch.tensor([[0.25, 0.75, 0, 0, 0, 0, 0], [0, 1.0, 0, 0, 0, 0, 0]])
    found = answer_losses(CATALOGUE["emotion"], answer, target)
    assert found[0].item() == pytest.approx(0.5 * math.log(0.5 / 0.25) + 0.5 * math.log(0.5 / 0.75), abs=1e-4)
    assert found[1].item() == pytest.approx(-math.log(LEAST), rel=1e-4)


def test_labels_lose_the_cross_entropy() -> None:
    field = CATALOGUE["ekman"]
    target = torch.zeros(1, len(field.labels))
    target[0, 0], target[0, 1] = 1.0, NAN
    answer = torch.full((1, len(field.labels)), 0.25)
    count = len(field.labels) - 1
    expected = -(math.log(0.25) + (count - 1) * math.log(0.75)) / count
    assert answer_losses(field, answer, target).item() == pytest.approx(expected)


def test_votes_lose_the_soft_cross_entropy_and_no_votes_lose_nothing_known() -> None:
    target = torch.tensor([[3.0, 1.0, 0, 0, 0], [0, 0, 0, 0, 0]])
    answer = torch.tensor([[0.5, 0.5, 0, 0, 0], [0.2] * 5])
    found = answer_losses(CATALOGUE["votes"], answer, target)
    assert found[0].item() == pytest.approx(math.log(2), abs=1e-4)
    assert bool(found[1].isnan())


def test_places_on_axes_count_the_same_and_missing_ones_not_at_all() -> None:
    field = Field("persons", "two persons", 0.0, 1.0, labels=("a", "b"), axes=(2,))
    answer = torch.tensor([[[0.5, 0.5], [0.0, 0.0]], [[0.5, 0.5], [9.0, 9.0]]])
    target = torch.tensor([[[0.0, 1.0], [0.0, 1.0]], [[0.0, 1.0], [NAN, NAN]]])
    assert answer_losses(field, answer, target).tolist() == [(0.25 + 0.5) / 2, 0.25]
