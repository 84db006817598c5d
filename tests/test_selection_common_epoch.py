"""Intervals over validation records, and the cost of one common epoch: against loops, known truths and exact zeros."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from redheart_core import CheckpointError, DataError
from redheart_core.exact.interval import Interval
from redheart_core.exact.numbers import FloatArray
from redheart_core.selection.common_epoch import (
    CommonCosts,
    Cost,
    common_choice,
    common_costs,
    epoch_interval,
    relative_excess,
    resample_curves,
)
from redheart_core.selection.detectors import ValidationCurve
from redheart_core.storage.runtime import generator


def curve(group: str, records: FloatArray) -> ValidationCurve:
    return ValidationCurve(group, tuple(range(1, len(records) + 1)), records.mean(1), records)


def noise(seed: int, *means: list[float], records: int = 40, spread: float = 0.3) -> list[ValidationCurve]:
    """A group for each list of true means; the records of a group share much, as those of one curve do."""
    draw = np.random.default_rng(seed)
    return [
        curve(
            f"g{number}",
            np.array(truth)[:, None]
            + draw.normal(0, 1, (1, records))
            + draw.normal(0, spread, (len(truth), records))
            + 3,
        )
        for number, truth in enumerate(means)
    ]


def costs(curves: list[ValidationCurve], common: int, seed: int = 0, resamples: int = 300) -> CommonCosts:
    return common_costs(curves, resample_curves(curves, generator(seed, "test"), resamples), common)


def joint(curves: list[ValidationCurve]) -> int:
    """The common epoch on all records."""
    excess = [relative_excess(one.losses[None]) for one in curves]
    return int(common_choice(excess, [one.epochs for one in curves])[0])


def test_resampling_and_nesting_agree_with_loops_over_the_same_draws() -> None:
    curves = noise(1, [0.5, 0.1, 0.0, 0.2], [0.4, 0.3, 0.2, 0.1, 0.0], records=15)
    stream = generator(5, "test")
    found = resample_curves(curves, stream, 100)
    draws = torch.randint(15, (100, 15), generator=generator(5, "test")).tolist()
    own: dict[str, list[float]] = {"g0": [], "g1": []}
    common: list[int] = []
    for number, drawn in enumerate(draws):
        unseen = [record for record in range(15) if record not in drawn]
        assert unseen
        means = [[math.fsum(row[record] for record in drawn) / 15 for row in one.records] for one in curves]
        ratios = [
            sum(losses[place] / min(losses) for losses in means) / 2
            for place in range(4)  # the epochs of both
        ]
        shared = ratios.index(min(ratios))
        common.append(shared + 1)
        for one, part, losses in zip(curves, found, means, strict=True):
            lowest = losses[one.best]
            np.testing.assert_allclose(part.inside[number], np.array(losses) - lowest, atol=1e-12)
            np.testing.assert_allclose(part.level[number], lowest)
            outside = one.records[:, unseen].mean(1)
            np.testing.assert_allclose(part.outside[number], outside - outside[one.best], atol=1e-12)
            own[one.group].append(outside[shared] - outside[losses.index(min(losses))])
    answer = common_costs(curves, found, 3)
    assert answer.interval.shares == {epoch: common.count(epoch) / 100 for epoch in set(common)}
    assert (answer.interval.low, answer.interval.high) == (sorted(common)[2], sorted(common)[97])
    for one, part in zip(curves, found, strict=True):
        cost = answer.groups[one.group]
        assert cost.corrected.value == pytest.approx(np.mean(own[one.group]))
        assert cost.apparent.value == one.losses[2] - one.losses.min()
        assert [cost.apparent.low, cost.apparent.high] == pytest.approx(np.quantile(part.inside[:, 2], [0.025, 0.975]))
    relative = [answer.groups[one.group].corrected.value / one.losses.min() for one in curves]
    assert answer.mean.corrected.value == pytest.approx(np.mean(relative))


def test_a_clear_optimum_has_a_narrow_interval_and_noise_a_wide_one() -> None:
    clear, flat = noise(2, [3, 2, 1, 0, 1, 2], [0, 0, 0, 0, 0, 0], records=200)
    found = [
        epoch_interval(*pair) for pair in zip((clear, flat), resample_curves([clear, flat], generator(1)), strict=True)
    ]
    assert (found[0].low, found[0].high, found[0].shares) == (4, 4, {4: 1.0})
    assert found[1].high - found[1].low >= 3
    assert sum(found[1].shares.values()) == pytest.approx(1.0)
    assert max(found[1].shares.values()) < 0.9


def test_the_interval_of_the_best_epoch_holds_the_true_one_as_often_as_it_says() -> None:
    truth = [0.3, 0.1, 0.0, 0.06, 0.2]
    hits = 0
    for seed in range(100):
        (one,) = noise(seed, truth, records=60)
        found = epoch_interval(one, *resample_curves([one], generator(seed), 200))
        hits += found.low <= 3 <= found.high
    assert hits >= 95


def test_identical_curves_cost_exactly_nothing() -> None:
    (one,) = noise(3, [0.5, 0.2, 0.0, 0.01, 0.3])
    same = [curve(name, one.records) for name in "abc"]
    nothing = Cost(Interval(0.0, 0.0, 0.0), Interval(0.0, 0.0, 0.0))
    resampled = resample_curves(same, generator(0, "test"), 300)
    answer = common_costs(same, resampled, joint(same))
    assert answer == CommonCosts(dict.fromkeys("abc", nothing), epoch_interval(same[0], resampled[0]), nothing)


def test_a_group_alone_shares_its_epoch_with_nobody_at_no_cost() -> None:
    (one,) = noise(4, [0.0, 0.0, 0.0])
    assert costs([one], joint([one])).mean.corrected == Interval(0.0, 0.0, 0.0)


def test_groups_with_far_optima_pay_for_a_common_epoch_beyond_noise() -> None:
    early, late = [0.5, 0.0, 0.1, 0.6, 0.9], [0.9, 0.6, 0.1, 0.0, 0.5]
    curves = noise(5, early, late, records=300)
    common = joint(curves)
    answer = costs(curves, common)
    assert common == 3
    for cost in answer.groups.values():
        assert cost.apparent.is_above(0.0)
        assert cost.apparent.holds(0.1)
        assert cost.corrected.is_above(0.0)
        assert cost.corrected.holds(0.1)
    assert answer.mean.corrected.is_above(0.0)


def test_the_correction_takes_away_what_choosing_on_noise_pretends() -> None:
    apparent, corrected = [], []
    for seed in range(40):
        curves = noise(seed, *[[0.0] * 8] * 3)
        answer = costs(curves, joint(curves), seed, 200)
        apparent.append(answer.mean.apparent.number)
        corrected.append(answer.mean.corrected.number)
    assert np.mean(apparent) > 0.008  # although the truth is 0
    assert abs(np.mean(corrected)) < 0.002


@pytest.mark.slow
@pytest.mark.parametrize(
    "truths",
    [
        [[0.0] * 8] * 3,
        [[0.4, 0.1, 0.0, 0.02, 0.1], [0.4, 0.3, 0.2, 0.05, 0.0]],
        [[0.2, 0.0, 0.3, 0.6, 0.9, 1.2], [1.2, 0.9, 0.6, 0.3, 0.0, 0.2]],
    ],
    ids=["noise", "near", "far"],
)
def test_the_corrected_interval_holds_the_true_cost(truths: list[list[float]]) -> None:
    hits = []
    for seed in range(100):
        curves = noise(seed, *truths, records=100)
        common = joint(curves)
        answer = costs(curves, common, seed, 200)
        for one, means in zip(curves, truths, strict=True):
            found, true = answer.groups[one.group].corrected, means[common - 1] - means[one.best]
            hits.append(found.holds(true))
    assert np.mean(hits) >= 0.95


def test_an_excess_is_relative_to_a_loss_above_zero_alone() -> None:
    assert relative_excess(np.array([2.0, 1.0, 4.0])).tolist() == [1.0, 0.0, 3.0]
    assert relative_excess(np.array([2.0, 0.0])).tolist() == [2.0, 0.0]
    assert relative_excess(np.array([-1.0, -3.0])).tolist() == [2.0, 0.0]


def test_the_common_choice_is_the_first_of_the_least_sums_over_shared_epochs() -> None:
    draw = np.random.default_rng(6)
    epochs = [(1, 2, 4, 5), (2, 3, 4, 5, 6), (1, 2, 3, 4, 5)]
    excess = [draw.integers(0, 3, (50, len(own))).astype(float) for own in epochs]
    for number, chosen in enumerate(common_choice(excess, epochs)):
        sums = {
            epoch: sum(part[number][own.index(epoch)] for part, own in zip(excess, epochs, strict=True))
            for epoch in (2, 4, 5)
        }
        assert chosen == min(sums, key=lambda epoch: (sums[epoch], epoch))


def test_draws_depend_on_the_number_of_records_alone() -> None:
    one, other = noise(7, [0.1, 0.0, 0.2], [0.3, 0.0])
    alone, (_, together) = resample_curves([one], generator(2), 100), resample_curves([other, one], generator(2), 100)
    for name in ("level", "inside", "outside"):
        assert np.array_equal(getattr(alone[0], name), getattr(together, name))
    again, different = resample_curves([one], generator(2), 100), resample_curves([one], generator(3), 100)
    assert np.array_equal(alone[0].inside, again[0].inside)
    assert not np.array_equal(alone[0].inside, different[0].inside)


def test_blocks_of_draws_are_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    (one,) = noise(8, [0.1, 0.0, 0.2])
    whole = resample_curves([one], generator(2), 130)
    monkeypatch.setattr("redheart_core.selection.common_epoch.BLOCK", 50 * 40)
    parts = resample_curves([one], generator(2), 130)
    assert parts[0].inside.shape == (130, 3)
    np.testing.assert_allclose(parts[0].inside, whole[0].inside, atol=1e-12)


def test_two_records_are_enough() -> None:
    (one,) = noise(9, [1.0, 0.0], records=2)
    (part,) = resample_curves([one], generator(1), 100)
    assert 0 < len(part.inside) < 100
    for row in itertools.chain(part.inside, part.outside):
        assert np.isfinite(row).all()


def test_groups_of_other_records_and_epochs_are_refused() -> None:
    (one,), (other,) = noise(1, [0.1, 0.0]), noise(1, [0.1, 0.0], records=41)
    with pytest.raises(DataError, match=r"same validation records, got \{'g0': 40, 'x': 41\}"):
        resample_curves([one, curve("x", other.records)], generator(1))
    with pytest.raises(DataError, match="resamples must be at least 100, got 99"):
        resample_curves([one], generator(1), 99)
    with pytest.raises(CheckpointError, match="no epoch is on disk for every group; train with --set"):
        common_choice([np.zeros((1, 1)), np.zeros((1, 1))], [(1,), (2,)])
