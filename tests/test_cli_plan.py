"""redheart plan as a user meets it."""

from __future__ import annotations

from pathlib import Path

from front_door import SMALL, Finished, redheart


def plan(finished: Finished, tmp_path: Path, *more: str | Path) -> tuple[str | Path, ...]:
    """The command on a copy of the data of the finished run."""
    return ("plan", "--store", finished.copy(tmp_path) / "store", *SMALL, *more)


def test_a_budget_that_holds_and_one_that_does_not(finished: Finished, tmp_path: Path) -> None:
    arguments = plan(finished, tmp_path)
    table = redheart(*arguments, "--memory", "1G", cwd=tmp_path)
    assert table.code == 0, table.err
    assert "backbone" in table.out
    assert "hours of steps" in table.out
    refused = redheart(*arguments, "--memory", "1K", cwd=tmp_path)
    assert refused.code == 1
    assert "does not fit into 1 MB" in refused.err
    assert not (tmp_path / "runs").exists()


def test_the_document_has_groups_tiers_and_settings_of_groups(finished: Finished, tmp_path: Path) -> None:
    file = tmp_path / "groups.toml"
    file.write_text("[groups.neural_regret]\nbatch_size = 8\nepochs = 2\n")
    answer = redheart(*plan(finished, tmp_path, "--groups", file), "--memory", "1G", "--json", cwd=tmp_path)
    assert answer.code == 0, answer.err
    found = answer.json()
    groups = {one["name"]: one for one in found["groups"]}
    assert groups["neural_regret"]["batch_size"] == 8
    assert groups["backbone"]["batch_size"] > 8
    assert found["memory"] == 10**9
    assert found["peak"] == max(tier["peak"] for tier in found["tiers"]) <= 10**9
