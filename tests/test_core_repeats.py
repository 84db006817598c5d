"""The comparison over seeds: means, gains over the reference, and what validation chose."""

from __future__ import annotations

import pytest
import torch

from redheart_core.evaluation import Overall
from redheart_core.repeats import CHOICE, JOINT, ONE_RATE, Repeated, repeat
from redheart_core.variants import REFERENCE

DRAWS = torch.linspace(-1.0, 1.0, 101, dtype=torch.float64)


def overall(**means: float) -> Overall:
    """Means that all move alike from resample to resample."""
    named = {REFERENCE if name == "common" else name: value for name, value in means.items()}
    return {name: (value, value + DRAWS) for name, value in named.items()}


def gains(table: Repeated) -> dict[str, float]:
    return {row.variant: row.gain.value for row in table.rows}


def test_gains_are_paired_seed_by_seed_and_resample_by_resample() -> None:
    seeds = [overall(common=0.10, crossover=0.12, swa=0.10), overall(common=0.20, crossover=0.26, swa=0.19)]
    table = repeat("skill", seeds, ["selection", "swa"])
    found = {row.variant: row for row in table.rows}
    assert gains(table) == pytest.approx({REFERENCE: 0, "crossover": 0.04, "swa": -0.005, CHOICE: 0.005})
    assert found["crossover"].seeds == pytest.approx((0.02, 0.06))
    assert found["crossover"].deviation == pytest.approx(0.04 / 2**0.5)
    assert (found["crossover"].gain.low, found["crossover"].gain.high) == pytest.approx((0.04, 0.04))
    assert found["crossover"].mean.value == pytest.approx(0.19)
    low, high = found["crossover"].mean.low, found["crossover"].mean.high
    assert low is not None
    assert high is not None
    assert low < 0 < high
    assert table.choices == ("selection", "swa")


def test_joint_training_is_judged_at_its_best_epoch() -> None:
    table = repeat("skill", [overall(common=0.2, crossover=0.3)], ["selection"], [overall(common=0.1, crossover=0.25)])
    assert gains(table)[JOINT] == pytest.approx(0.05)


def test_gains_are_over_the_common_epoch_of_one_rate_where_that_was_trained() -> None:
    swept, plain = overall(common=0.2, crossover=0.3), overall(common=0.1, crossover=0.15)
    table = repeat("points", [swept], ["selection"], one_rate=[plain], one_rate_choices=["selection"])
    assert gains(table) == pytest.approx(
        {REFERENCE: 0.1, "crossover": 0.2, CHOICE: 0.2, ONE_RATE + CHOICE: 0.05, ONE_RATE + REFERENCE: 0.0}
    )


def test_the_table_names_the_best_first_and_says_which_variants_every_seed_has() -> None:
    first, second = overall(common=0.2, crossover=0.3, ema=0.4), overall(common=0.2, crossover=0.3)
    lines = repeat("skill", [first, second], ["selection", "selection"]).markdown().splitlines()
    assert lines[0] == "| variant | skill | over the best common epoch | deviation over seeds |"
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| crossover", f"| {CHOICE}", f"| {REFERENCE}"]
    assert "| +0.1000 [+0.1000, +0.1000] | 0.0000 |" in lines[2]


def test_a_choice_that_no_variant_has_is_an_error() -> None:
    with pytest.raises(KeyError, match="greedy"):
        repeat("skill", [overall(common=0.2, crossover=0.3)], ["greedy soup"])
