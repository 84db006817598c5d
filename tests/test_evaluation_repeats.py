"""The comparison over seeds: means, gains over the reference, and what validation chose."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from toy import Toy

from redheart_core import CheckpointError
from redheart_core.evaluation.compared import Compared, comparison_stamp, load_compared
from redheart_core.evaluation.repeats import CHOICE, JOINT, ONE_RATE, TABLES, Repeated, Tables, repeat
from redheart_core.evaluation.variants import REFERENCE

DRAWS = torch.linspace(-1.0, 1.0, 101, dtype=torch.float64)


def compared(choice: str, **means: float) -> Compared:
    """Means that all move alike from resample to resample."""
    named = {REFERENCE if name == "common" else name: value for name, value in means.items()}
    overall = {name: (value, value + DRAWS) for name, value in named.items()}
    return Compared({"skill": overall, "points": overall}, choice)


def gains(table: Repeated) -> dict[str, float]:
    return {row.variant: row.gain.number for row in table.rows}


def test_gains_are_paired_seed_by_seed_and_resample_by_resample() -> None:
    seeds = [
        compared("selection", common=0.10, crossover=0.12, swa=0.10),
        compared("swa", common=0.20, crossover=0.26, swa=0.19),
    ]
    table = repeat("skill", seeds)
    found = {row.variant: row for row in table.rows}
    assert gains(table) == pytest.approx({REFERENCE: 0, "crossover": 0.04, "swa": -0.005, CHOICE: 0.005})
    assert found["crossover"].seeds == pytest.approx((0.02, 0.06))
    assert found["crossover"].deviation == pytest.approx(0.04 / 2**0.5)
    least, most = found["crossover"].gain.ends
    assert least < 0.02 < 0.06 < most  # two seeds alone say little
    assert found["crossover"].mean.value == pytest.approx(0.19)
    low, high = found["crossover"].mean.low, found["crossover"].mean.high
    assert low is not None
    assert high is not None
    assert low < 0 < high
    assert table.choices == ("selection", "swa")


def test_joint_training_is_evaluated_at_its_best_epoch() -> None:
    table = repeat(
        "skill",
        [compared("selection", common=0.2, crossover=0.3)],
        joint=[compared("swa", common=0.1, crossover=0.25, swa=1.0)],
    )
    assert gains(table)[JOINT] == pytest.approx(0.05)


def test_gains_are_over_the_common_epoch_of_one_rate_where_that_was_trained() -> None:
    swept = compared("selection", common=0.2, crossover=0.3)
    plain = compared("swa", common=0.1, crossover=0.3, swa=0.15)
    table = repeat("points", [swept], one_rate=[plain])
    assert gains(table) == pytest.approx(
        {REFERENCE: 0.1, "crossover": 0.2, CHOICE: 0.2, ONE_RATE + CHOICE: 0.05, ONE_RATE + REFERENCE: 0.0}
    )


def test_the_table_names_the_best_first_and_says_which_variants_every_seed_has() -> None:
    first = compared("selection", common=0.2, crossover=0.3, ema=0.4)
    second = compared("selection", common=0.2, crossover=0.3)
    lines = repeat("skill", [first, second]).markdown().splitlines()
    assert lines[0] == "| variant | skill | over the best common epoch | deviation over seeds |"
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| crossover", f"| {CHOICE}", f"| {REFERENCE}"]
    assert "| +0.1000 [+0.1000, +0.1000] | 0.0000 |" in lines[2]


def test_a_choice_that_no_variant_has_is_an_error() -> None:
    with pytest.raises(KeyError, match="greedy"):
        repeat("skill", [compared("greedy soup", common=0.2, crossover=0.3)])


def test_a_comparison_comes_back_to_the_last_bit_and_not_for_other_checkpoints(toy: Toy) -> None:
    run, _ = toy.run("run", [toy.node("a")], epochs=2)
    before = compared("swa", common=0.1, crossover=1 / 3, swa=0.2)
    stamp = comparison_stamp(run, ["a"], ["a"])
    assert load_compared(run.path, stamp) is None
    before.save(run.path, stamp)
    after = load_compared(run.path, comparison_stamp(run, ["a"], ["a"]))
    assert after is not None
    assert after.choice == "swa"
    for kind in ("skill", "points"):
        assert list(after.means[kind]) == list(before.means[kind])
        for name, (value, draws) in before.means[kind].items():
            assert after.means[kind][name][0] == value
            assert torch.equal(after.means[kind][name][1], draws)
    assert load_compared(run.path, comparison_stamp(run, ["a"], [])) is None
    manifest = run.group("a").manifest_file
    manifest.write_bytes(manifest.read_bytes() + b" ")
    assert load_compared(run.path, comparison_stamp(run, ["a"], ["a"])) is None


def test_a_damaged_comparison_is_an_error(tmp_path: Path) -> None:
    compared("swa", common=0.1, crossover=0.3, swa=0.2).save(tmp_path, "stamp")
    file = tmp_path / "comparison.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    with pytest.raises(CheckpointError, match=r"comparison\.safetensors"):
        load_compared(tmp_path, "stamp")


def test_tables_come_back_from_their_sealed_file_and_a_changed_digit_is_an_error(tmp_path: Path) -> None:
    tables = Tables((repeat("skill", [compared("swa", common=0.1, crossover=0.3, swa=0.2)]),))
    file = tmp_path / "crossover.json"
    TABLES.write(file, tables)
    assert TABLES.read(file) == tables
    file.write_bytes(file.read_bytes().replace(b"0.3", b"0.4", 1))
    with pytest.raises(CheckpointError, match=r"crossover\.json is damaged: its contents and its seal"):
        TABLES.read(file)
