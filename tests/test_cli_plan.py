"""redheart plan as a user meets it."""

from __future__ import annotations

from pathlib import Path

import pytest
from front_door import GROUPS, SMALL, Finished, hashes, redheart
from own_process import redheart_process


def plan(finished: Finished, tmp_path: Path, *more: str | Path) -> tuple[str | Path, ...]:
    """The command on a copy of the data of the finished run."""
    return ("plan", "--store", finished.copy(tmp_path) / "store", *SMALL, *more)


def test_a_budget_that_holds_and_one_that_does_not(finished: Finished, tmp_path: Path) -> None:
    arguments = plan(finished, tmp_path)
    table = redheart(*arguments, "--memory", "100G", cwd=tmp_path)
    assert table.code == 0, table.err
    assert "backbone" in table.out
    assert "hours of steps" in table.out
    assert "a turn is whole epochs; predicted peak" in table.out
    refused = redheart(*arguments, "--memory", "1K", cwd=tmp_path)
    assert refused.code == 1
    assert "does not fit into 1 MB" in refused.err
    assert not (tmp_path / "runs").exists()


def test_the_document_has_groups_tiers_and_settings_of_groups(finished: Finished, tmp_path: Path) -> None:
    file = tmp_path / "groups.toml"
    file.write_text("[groups.neural_regret]\nbatch_size = 8\nepochs = 2\n")
    answer = redheart(*plan(finished, tmp_path, "--groups", file), "--memory", "100G", "--json", cwd=tmp_path)
    assert answer.code == 0, answer.err
    found = answer.json()
    groups = {one["name"]: one for one in found["groups"]}
    assert groups["neural_regret"]["batch_size"] == 8
    assert groups["backbone"]["batch_size"] > 8
    assert found["memory"] == 10**11
    assert found["peak"] == found["base"] + max(tier["peak"] for tier in found["tiers"])
    assert found["turns"]["peak"] <= found["peak"] <= 10**11
    assert {name for tier in found["turns"]["tiers"] for name in tier["stay"]} == set(groups)


def test_a_training_within_a_budget_has_the_files_of_one_without(finished: Finished, tmp_path: Path) -> None:
    folder = finished.copy(tmp_path)
    refused = redheart("train", "-o", "within", "--store", folder / "store", *SMALL, "--memory", "1M", cwd=tmp_path)
    assert refused.code == 1
    assert "does not fit into 1 MB" in refused.err
    assert not (tmp_path / "within" / "run.json").exists()
    budget = ("--memory", "100G", "--turn-steps", "2")
    within = redheart("train", "-o", "within", "--store", folder / "store", *SMALL, *budget, cwd=tmp_path)
    assert within.code == 0, within.err
    for group in GROUPS:
        for file in (folder / "groups" / group).glob("*.safetensors"):
            assert (tmp_path / "within" / "groups" / group / file.name).read_bytes() == file.read_bytes()


def test_options_of_a_budget_belong_to_a_budget(tmp_path: Path) -> None:
    answer = redheart("train", "--turn-steps", "2", cwd=tmp_path)
    assert answer.code == 2
    assert "belong to --memory" in answer.err


@pytest.mark.slow
def test_what_a_plan_predicts_is_enough_for_a_training(finished: Finished, tmp_path: Path) -> None:
    store = finished.copy(tmp_path) / "store"
    planned = redheart_process("plan", "--store", store, *SMALL, cwd=tmp_path)
    (line,) = [line for line in planned.out.splitlines() if line.startswith("train --memory")]
    budget = line.split()[2]
    trained = redheart_process("train", "-o", "within", "--store", store, *SMALL, "--memory", budget, cwd=tmp_path)
    assert trained.code == 0, trained.err
    for group in GROUPS:
        assert hashes(tmp_path / "within" / "groups" / group) == hashes(finished.folder / "groups" / group)
