"""redheart plan as a user meets it."""

from __future__ import annotations

import re
from pathlib import Path

import attrs
import pytest
from front_door import GROUPS, SMALL, Finished, hashes, redheart, refuse
from own_process import redheart_process

from redheart_cli.plan import print_groups, print_turns
from redheart_core.training.budget import Budget
from redheart_core.training.memory_plan import GroupMemory, MemoryPlan
from redheart_core.training.step_memory import StepMemory
from redheart_core.training.turns import plan_turns


def plan(finished: Finished, tmp_path: Path, *more: str | Path) -> tuple[str | Path, ...]:
    """The command on a copy of the data of the finished run."""
    return ("plan", "--store", finished.copy(tmp_path) / "store", *SMALL, *more)


def test_a_budget_that_holds_and_one_that_does_not(finished: Finished, tmp_path: Path) -> None:
    arguments = plan(finished, tmp_path)
    table = redheart(*arguments, "--memory", "100G", cwd=tmp_path)
    assert table.code == 0, table.err
    assert "backbone" in table.out
    assert "predicted peak" in table.out
    refused = redheart(*arguments, "--memory", "1K", cwd=tmp_path)
    assert refused.code == 1
    assert "does not fit into 1 MB" in refused.err
    assert not (tmp_path / "runs").exists()


def test_a_plan_reads_as_who_is_in_memory_when_and_how_long_it_takes(capsys: pytest.CaptureFixture[str]) -> None:
    step = StepMemory(weights=4 * 10**8, gradients=10**8, optimizer=0, working=10**8, after=0, seconds=0.1)
    a = GroupMemory("a", 0, 64, 600, step, micro_batch=8, epochs=6, validation=0.5, saving=0.5)
    found = MemoryPlan("cpu", (a, attrs.evolve(a, name="b", batch_size=32, micro_batch=None)), base=10**8)
    print_groups(found)
    printed = [re.split("  +", line) for line in capsys.readouterr().out.splitlines()]
    assert [row[:3] for row in printed[:3]] == [["group", "tier", "batch"], ["a", "0", "64 by 8"], ["b", "0", "32"]]
    assert [row[-2:] for row in printed[:3]] == [["s/step", "time"], *2 * [["0.100", "0:01:06"]]]
    assert printed[5][-2:] == ["1100 MB", "0:02:12"], "of the tier"
    for steps, turn, moved, time in (
        (0, "8 epochs", "1 x 1600 MB", "0:02:14"),
        (40, "40 steps", "24 x 1600 MB", "0:02:51"),
    ):
        print_turns(plan_turns(found, Budget(8 * 10**8, turn_steps=steps)))
        _, title, row, end = capsys.readouterr().out.splitlines()
        assert re.split("  +", title) == [
            "tier",
            "stay",
            "take turns",
            "a turn",
            "moved",
            "peak",
            "in the turn of",
            "time",
        ]
        assert re.split("  +", row) == ["0", "-", "a, b", turn, moved, "700 MB", "a", time]
        assert end == f"predicted peak 700 MB of 800 MB, in {time} without opening, audit and closed forms"


def test_the_document_has_groups_tiers_and_settings_of_groups(finished: Finished, tmp_path: Path) -> None:
    file = tmp_path / "groups.toml"
    file.write_text("[groups.neural_regret]\nbatch_size = 8\nmicro_batch = 4\nepochs = 2\n")
    answer = redheart(*plan(finished, tmp_path, "--groups", file), "--memory", "100G", "--json", cwd=tmp_path)
    assert answer.code == 0, answer.err
    found = answer.json()
    groups = {one["name"]: one for one in found["groups"]}
    assert [groups["neural_regret"][key] for key in ("batch_size", "micro_batch", "epochs")] == [8, 4, 2]
    assert groups["backbone"]["micro_batch"] is None
    assert groups["backbone"]["batch_size"] > 8
    assert found["memory"] == 10**11
    assert found["peak"] == found["base"] + max(tier["peak"] for tier in found["tiers"])
    assert found["turns"]["peak"] <= found["peak"] <= 10**11
    (tier,) = found["turns"]["tiers"]
    assert (tier["epochs"], tier["rounds"], tier["moved"]) == (1, 3, 0)
    assert tier["seconds"] == pytest.approx(found["turns"]["seconds"])
    assert found["turns"]["seconds"] == pytest.approx(
        sum(
            one["steps"] * one["step"]["seconds"] + one["epochs"] * (one["validation"] + one["saving"])
            for one in found["groups"]
        )
    )
    assert all(one["validation"] > 0 and one["saving"] > 0 for one in found["groups"])
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


@pytest.mark.parametrize("command", [("plan",), ("train", "-o", "within")])
def test_host_memory_is_refused_where_there_is_no_device_beside_it(
    finished: Finished, tmp_path: Path, command: tuple[str, ...]
) -> None:
    given: tuple[str | Path, ...] = (*command, "--store", finished.copy(tmp_path) / "store", *SMALL)
    refuse(
        *given,
        *("--memory", "100G", "--host-memory", "1G"),
        cwd=tmp_path,
        says=["--host-memory is of a training on CUDA, and the device is cpu", "leave --host-memory out"],
    )
    assert not (tmp_path / "within" / "run.json").exists()


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
