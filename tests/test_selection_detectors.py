"""Detectors of a sweet spot: epochs by hand, known optima, noise, and what they refuse."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pytest

from redheart_core import DataError
from redheart_core.selection.detectors import (
    RETURNS,
    Detection,
    ValidationCurve,
    best,
    detect,
    knee,
    one_standard_error,
    overfit_onset,
    plateau,
    vote,
)

CURVE = [1, 0.6, 0.4, 0.3, 0.26, 0.25, 0.24, 0.25, 0.26, 0.24, 0.30, 0.38]
SEEDS = [
    [0.90, 0.60, 0.45, 0.42, 0.40, 0.41, 0.43],
    [0.94, 0.62, 0.49, 0.40, 0.41, 0.44, 0.46],
    [0.86, 0.64, 0.47, 0.44, 0.42, 0.41, 0.45],
]
NOISY = [0.9, 0.6, 0.5, 0.2, 0.48, 0.44, 0.42, 0.41, 0.43, 0.47]


def of_records(records: npt.ArrayLike, epochs: tuple[int, ...] | None = None) -> ValidationCurve:
    """(E, N)."""
    table = np.asarray(records, dtype=float)
    return ValidationCurve("g", epochs or tuple(range(1, len(table) + 1)), table.mean(1), table)


def of_means(losses: Any, epochs: tuple[int, ...] | None = None) -> ValidationCurve:
    """Two records that agree."""
    return of_records(np.stack([losses, losses], axis=1), epochs)


UNIT, FINE = np.linspace(0, 1, 10), np.linspace(0, 1, 101)
VECTORS: list[tuple[str, Callable[[], Detection], int | None]] = [
    ("W8", lambda: plateau(of_means(CURVE), 0.05, 3), 5),
    ("W9 narrow", lambda: plateau(of_means(CURVE), 0.02, 3), 6),
    ("W9 wide", lambda: plateau(of_means(CURVE), 0.1, 3), 4),
    ("W9 long", lambda: plateau(of_means(CURVE), 0.05, 8), None),
    ("W10 upside down", lambda: knee(of_means(1 / (UNIT + 0.1))), 3),
    ("W11", lambda: knee(of_means(10 / np.arange(1, 11))), 3),
    ("W12 upside down", lambda: knee(of_means(1 - FINE**0.5)), 26),
    ("W13 best", lambda: best(of_records(np.transpose(SEEDS))), 5),
    ("W13 1-SE", lambda: one_standard_error(of_records(np.transpose(SEEDS)), paired=False), 5),
    ("W13 paired", lambda: one_standard_error(of_records(np.transpose(SEEDS))), 4),
    ("W14", lambda: overfit_onset(of_means(NOISY)), None),
    ("W14 going on", lambda: overfit_onset(of_means([*NOISY, 0.5, 0.55, 0.6, 0.65, 0.7])), 5),
    ("W2", lambda: overfit_onset(of_means([5, 4, 3, 2, 1])), None),
    ("W1", lambda: overfit_onset(of_means([1, 2, 3, 4, 5])), 1),
    ("W5", lambda: knee(of_means([3, 1, 4, 1, 5, 9, 2, 6, 5, 3])), None),
]


@pytest.mark.parametrize(("find", "epoch"), [v[1:] for v in VECTORS], ids=[v[0] for v in VECTORS])
def test_vector(find: Callable[[], Detection], epoch: int | None) -> None:
    found = find()
    assert found.epoch == epoch, found.reason


def test_reasons_carry_the_numbers_of_the_vectors() -> None:
    assert "bends there, 0.52 below" in knee(of_means(10 / np.arange(1, 11))).reason  # W11: 14/27
    assert "epochs 5 to 10 stay within 2.6% of the curve's range" in plateau(of_means(CURVE), 0.05, 3).reason
    assert (
        "after epoch 5 the loss does not rise beyond chance" in overfit_onset(of_means(NOISY)).reason
    )  # W14: argmin 4


RISING = 10 / np.arange(1, 11)
NOISY_STILL = [*NOISY, 0.5, 0.55, 0.6, 0.65, 0.7]
OF_RETURNS: list[tuple[Callable[[ValidationCurve], Detection], Any, str]] = [
    (best, CURVE, "highest mean return, -0.24000"),
    (lambda curve: plateau(curve, 0.05, 8), CURVE, "no 8 epochs in a row"),
    (lambda curve: plateau(curve, 0.05, 3), [1, 0.5, 0.5, 0.5, 0.2], "but the return is higher at epoch 5"),
    (lambda curve: plateau(curve, 0.05, 5), [5, 1, 0.99, 0.98, 0.97, 0.96], "but rise steadily (Mann-Kendall z 2"),
    (knee, RISING, "the rise to epoch 10 bends there, 0.52 above its chord"),
    (knee, [1, 2, 3], "the return is highest at epoch 1 already"),
    (knee, [3, 1, 4, 1, 5, 9, 2, 6, 5, 3], "the return is highest at epoch 2 already"),
    (knee, [3, 5, 4, 6, 2], "up to epoch 5 the return does not rise beyond chance (Mann-Kendall z 0"),
    (overfit_onset, NOISY, "after epoch 5 the return does not fall beyond chance"),
    (overfit_onset, NOISY_STILL, "after epoch 5 the return falls by 0."),
    (overfit_onset, [5, 4, 3, 2, 1], "the smoothed return is highest at the last epoch"),
    (lambda curve: detect(curve)["one_se"], [2, 2], "the return is -2 at all 2 epochs; check that what agents do"),
]


@pytest.mark.parametrize(("find", "losses", "says"), OF_RETURNS)
def test_reasons_of_agents_speak_of_returns(
    find: Callable[[ValidationCurve], Detection], losses: Any, says: str
) -> None:
    curve = of_means(losses)
    found = find(attrs.evolve(curve, terms=RETURNS))
    assert says in found.reason
    assert "loss" not in found.reason
    assert find(curve).epoch == found.epoch  # the same choice in other words
    assert "return" not in find(curve).reason


def test_the_one_se_choice_is_the_earliest_within_its_own_error() -> None:
    base = np.linspace(1, 2, 100)
    found = one_standard_error(of_records([base + 0.5, base + np.linspace(-1, 1.1, 100), base]))
    error = np.linspace(-1, 1.1, 100).std(ddof=1) / 10
    assert found == Detection(2, f"0.05000 above epoch 3, within the standard error {error:.5f}")


def test_a_shelf_above_the_lowest_loss_is_no_plateau() -> None:
    found = plateau(of_means([1, 1, 1.01, 1, 1.01, 1, 0.5, 0.2]))
    assert found.epoch is None
    assert "but the loss is lower at epoch 8" in found.reason


def test_a_flat_stretch_that_still_falls_is_no_plateau() -> None:
    found = plateau(of_means([10, 5, 1, 0.99, 0.98, 0.97, 0.96, 0.95, 0.94]))
    assert found.epoch is None
    assert "but fall steadily (Mann-Kendall z" in found.reason


def test_ties_lie_on_a_plateau() -> None:
    assert plateau(of_means([4, 2, 1, 1, 1, 1, 1])).epoch == 3


def test_a_line_has_no_knee() -> None:
    assert knee(of_means(np.linspace(1, 0, 12))) == Detection(None, "the loss falls evenly to epoch 12")


def test_a_fall_or_rise_within_the_noise_of_the_records_does_not_count() -> None:
    steps = np.arange(12)
    noise = np.random.default_rng(3).normal(size=(1, 50)) * np.array([[-1.0] * 6 + [1.0] * 6]).T
    down, up = (np.exp(-steps) * 0.1)[:, None] + noise, (steps * 0.001)[:, None] + noise * (steps > 0)[:, None]
    down -= noise.mean(1, keepdims=True)
    up -= (noise * (steps > 0)[:, None]).mean(1, keepdims=True)
    assert "within the noise of the records" in knee(of_records(down)).reason
    assert "within the noise of the records" in overfit_onset(of_records(up), half_width=0).reason


@pytest.mark.parametrize("optimum", [6, 9, 12])
def test_a_known_optimum_is_found_by_all_that_look_for_it(optimum: int) -> None:
    steps = np.arange(1, 21)
    mean = np.where(steps < optimum, np.exp(-steps / 1.5) - np.exp(-optimum / 1.5), 0.02 * (steps - optimum))
    draw = np.random.default_rng(optimum)
    records = 0.4 + mean[:, None] + draw.normal(0, 0.1, (1, 400)) + draw.normal(0, 0.002, (20, 400))
    found = detect(of_records(records))
    assert found["best"].epoch == optimum
    assert found["onset"].epoch is not None
    assert abs(found["onset"].epoch - optimum) <= 1
    assert found["knee"].epoch is not None
    assert 2 <= found["knee"].epoch <= 5
    assert found["one_se"].epoch is not None
    assert found["one_se"].epoch <= optimum
    assert found["vote"].epoch is not None
    assert abs(found["vote"].epoch - optimum) <= 1


def test_the_order_of_noise_means_nothing() -> None:
    draw = np.random.default_rng(11)
    records = draw.normal(1.0, 0.2, (20, 60))
    named = {"plateau": 0, "knee": 0, "onset": 0}
    for _ in range(300):
        found = detect(of_records(records[draw.permutation(20)]))
        for name in named:
            named[name] += found[name].epoch is not None
    assert named["plateau"] <= 3
    assert named["knee"] <= 15
    assert named["onset"] <= 15


def test_detectors_do_not_depend_on_unit_and_level() -> None:
    curve = np.array(CURVE)[:, None] + np.random.default_rng(5).normal(0, 0.01, (12, 30))
    plain, moved = detect(of_records(curve)), detect(of_records(8 * curve - 4))
    assert {name: found.epoch for name, found in plain.items()} == {n: found.epoch for n, found in moved.items()}


def test_one_epoch_is_the_best_and_has_no_shape() -> None:
    found = detect(of_means([0.7]))
    assert {name: detection.epoch for name, detection in found.items()} == {
        "best": 1, "one_se": 1, "plateau": None, "knee": None, "onset": None, "vote": 1,
    }  # fmt: skip


def say(**epochs: int | None) -> dict[str, Detection]:
    return {name: Detection(epoch, "") for name, epoch in epochs.items()}


@pytest.mark.parametrize(
    ("votes", "tolerance", "epoch"),
    [
        (say(best=9, one_se=8, plateau=None, knee=3, onset=9), 1, 9),
        (say(best=10, one_se=8, plateau=9, knee=3), 1, 9),
        (say(best=9, one_se=8), 1, 8),
        (say(best=9, one_se=8), 0, None),
        (say(best=44, plateau=39, knee=28, onset=1), 2, None),
        (say(best=9, knee=9, one_se=3, onset=3), 1, None),
        (say(best=9, one_se=None), 1, None),
    ],
)
def test_a_vote_needs_a_majority_within_the_tolerance(
    votes: dict[str, Detection], tolerance: int, epoch: int | None
) -> None:
    assert vote(votes, tolerance).epoch == epoch


def test_a_vote_says_who_said_what() -> None:
    found = vote(say(best=9, one_se=8, plateau=None, knee=3, onset=9))
    assert found.reason == "3 of 4 within 1 epoch: best 9, 1-SE 8, knee 3, onset 9"
    assert vote(say(best=9, one_se=3)).reason == "no majority within 1 epoch: best 9, 1-SE 3"
    assert vote(say(best=9)).reason == "it takes two detectors that name an epoch, got best 9"


def test_the_shape_of_a_curve_with_gaps_is_refused_and_the_other_rules_answer() -> None:
    curve = of_means([0.5, 0.4, 0.45], (2, 5, 6))
    for detector in (plateau, knee, overfit_onset):
        with pytest.raises(DataError, match="needs every epoch, but epochs 1, 3, 4 are not on disk; train with"):
            detector(curve)
    found = detect(curve)
    assert found["best"].epoch == 5
    assert {found[name].epoch for name in ("plateau", "knee", "onset")} == {None}
    assert "epochs 1, 3, 4 are not on disk" in found["knee"].reason


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: of_means([1.0, math.nan]), "group 'g' must be finite, got nan at 1"),
        (lambda: of_means([1.0, math.inf]), "group 'g' must be finite, got inf at 1"),
        (lambda: ValidationCurve("g", (1,), np.ones(1), np.array([[1.0, math.nan]])), "record by record, must be fin"),
        (lambda: of_means([1.0, 2.0], (2, 1)), r"need ascending epochs, got \(2, 1\)"),
        (lambda: of_means([1.0, 2.0], (1, 1)), r"need ascending epochs, got \(1, 1\)"),
        (lambda: ValidationCurve("g", (), np.ones(0), np.ones((0, 3))), r"need ascending epochs, got \(\)"),
        (
            lambda: ValidationCurve("g", (1, 2), np.ones(2), np.ones((3, 4))),
            r"per epoch \(2\), got .*\(2,\) and \(3, 4\)",
        ),
        (lambda: ValidationCurve("g", (1, 2), np.array([1.0, 3.0]), np.ones((2, 4))), "not the means of its records"),
    ],
)
def test_missing_losses_are_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        make()
