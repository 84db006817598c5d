"""Windows of a series: their scale is undone exactly, and steps that are missing, padding and shifts change nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from redheart_core.nn.sequences import Patches, SequenceEncoder, autocorrelations, time_waves, window_scale

NAN = float("nan")
MEANS, STDS = torch.tensor([5.0, -1.0]), torch.tensor([2.0, 3.0])


def windows(length: int = 10, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Three windows of two channels with gaps, irregular times."""
    draw = torch.Generator().manual_seed(seed)
    values = torch.randn(3, length, 2, generator=draw)
    values[0, 2] = NAN
    values[1, 4, 0] = NAN
    times = torch.rand(3, length, generator=draw).add(0.5).cumsum(1)
    return values, times - times[:, -1:]


def encoder() -> SequenceEncoder:
    """One whose weights are drawn."""
    torch.manual_seed(0)
    return SequenceEncoder(2, 4, 8, 2, 2, 0.0).eval()


def test_scale_is_mean_and_deviation_of_the_numbers_that_are_there() -> None:
    values = torch.tensor([[[1.0, NAN], [NAN, NAN], [4.0, NAN], [7.0, NAN]]])
    mean, std = window_scale(values, MEANS, STDS)
    assert mean.tolist() == [[[4.0, -1.0]]]
    torch.testing.assert_close(std, torch.tensor([[[math.sqrt(6.0), 3.0]]]))


def test_a_window_that_does_not_vary_has_the_deviation_of_the_training_part() -> None:
    values = torch.full((1, 7, 2), 0.1)
    mean, std = window_scale(values, MEANS, STDS)
    torch.testing.assert_close(mean, torch.full((1, 1, 2), 0.1))
    assert std.tolist() == [[[2.0, 3.0]]]


def test_scale_is_undone_and_follows_the_series() -> None:
    values, _ = windows()
    mean, std = window_scale(values, MEANS, STDS)
    torch.testing.assert_close((values - mean) / std * std + mean, values, equal_nan=True)
    moved, stretched = window_scale(40.0 + 3.0 * values, MEANS, STDS)
    torch.testing.assert_close(moved, 40.0 + 3.0 * mean)
    torch.testing.assert_close(stretched, 3.0 * std)


def test_autocorrelations_are_mean_products_of_pairs_that_are_there() -> None:
    values, _ = windows(9, seed=3)
    found = autocorrelations(values, 4)
    numbers = values.numpy()
    for lag in range(1, 5):
        wanted = np.nanmean(numbers[:, lag:] * numbers[:, :-lag], 1)
        np.testing.assert_allclose(found[:, lag - 1].numpy(), wanted, atol=1e-6)


def test_autocorrelations_of_a_season_come_back_after_it_and_turn_round_half_way() -> None:
    season = torch.arange(48.0).mul(2 * math.pi / 8).sin().reshape(1, 48, 1)
    mean, std = window_scale(season, torch.zeros(1), torch.ones(1))
    found = autocorrelations((season - mean) / std, 8)[0, :, 0]
    torch.testing.assert_close(found[[3, 7]], torch.tensor([-1.0, 1.0]), atol=0.02, rtol=0.0)


def test_a_lag_without_a_pair_has_no_autocorrelation() -> None:
    values = torch.tensor([1.0, NAN, 2.0, NAN]).reshape(1, 4, 1)
    assert autocorrelations(values, 3)[0, :, 0].tolist() == [0.0, 2.0, 0.0]


@pytest.mark.parametrize("width", [5, 8])
def test_waves_are_sinusoids_of_any_time(width: int) -> None:
    waves = time_waves(torch.tensor([0.0, 2.5]), width)
    half = (width + 1) // 2
    for place in range(width):
        rate = 10_000.0 ** (-(place % half) / half)
        wanted = math.sin(2.5 * rate) if place < half else math.cos(2.5 * rate)
        assert waves[1, place].item() == pytest.approx(wanted, abs=1e-6)
    assert waves[0].tolist() == [0.0] * half + [1.0] * (width - half)


def test_steps_that_are_missing_are_as_if_they_were_not_in_the_window() -> None:
    values, times = windows()
    kept = [place for place in range(10) if place != 2]
    whole, shorter = encoder()(values, times), encoder()(values[:1, kept], times[:1, kept])
    torch.testing.assert_close(whole[:1], shorter)
    moved = times.clone()
    moved[0, 2] = -1.0e4
    assert torch.equal(encoder()(values, moved), whole)
    moved[0, 3] -= 0.3
    assert not torch.allclose(encoder()(values, moved)[0], whole[0], atol=1e-4)


@pytest.mark.parametrize("more", [1, 4, 7])
def test_padding_in_front_changes_nothing(more: int) -> None:
    values, times = windows()
    padded = torch.cat([torch.full((3, more, 2), NAN), values], 1)
    longer = torch.cat([torch.full((3, more), NAN), times], 1)
    torch.testing.assert_close(encoder()(padded, longer), encoder()(values, times))


def test_a_shift_of_time_changes_nothing() -> None:
    values, times = windows()
    torch.testing.assert_close(encoder()(values, times + 64.0), encoder()(values, times), atol=1e-4, rtol=1e-4)


def test_one_missing_number_counts_as_missing_and_not_as_zero() -> None:
    values, times = windows()
    filled = values.clone()
    filled[1, 4, 0] = 0.0
    assert not torch.allclose(encoder()(filled, times)[1], encoder()(values, times)[1], atol=1e-4)


def test_a_window_without_a_number_has_a_finite_summary() -> None:
    values, times = windows()
    values[0], times[0] = NAN, NAN
    assert bool(encoder()(values, times).isfinite().all())


def test_patches_end_with_the_newest_step() -> None:
    torch.manual_seed(0)
    patches = Patches(2, 4, 8)
    values, times = windows()
    tokens, mask = patches(values, times)
    assert mask.tolist() == [[True] * 3] * 3
    newer = values.clone()
    newer[:, -1] += 1.0
    changed, _ = patches(newer, times)
    assert torch.equal(changed[:, :2], tokens[:, :2])
    assert not torch.allclose(changed[:, 2], tokens[:, 2], atol=1e-4)


def test_windows_do_not_see_each_other() -> None:
    values, times = windows()
    together = encoder()(values, times)
    for row in range(3):
        torch.testing.assert_close(encoder()(values[row : row + 1], times[row : row + 1]), together[row : row + 1])
