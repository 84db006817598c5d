"""redheart bench and audit --meta."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from front_door import DATA, NETWORKS, PLUGINS, TRAINING, refuse, succeed

pytestmark = pytest.mark.slow


def test_a_card_is_printed_and_put_into_a_readme_once(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("# a\n\n## Card\n\nold\n\n## After\n\nkept\n")
    command = ("bench", "plugin", "neural_surd", *DATA, *TRAINING, "--timing-scale", "tiny")
    document = succeed(*command, "--write", "README.md", "--json", cwd=tmp_path).json()
    assert document["plugin"] == "neural_surd"
    assert {metric["metric"] for metric in document["metrics"]} >= {"root_mean_squared_error", "explained_variance"}
    assert all(set(metric) >= {"node", "constant", "linear"} for metric in document["metrics"])
    assert len(document["ablations"]) > 2
    assert [timing["chunks"] for timing in document["timings"]] == [1, 16]
    printed = succeed("bench", "plugin", "neural_surd", "--run", "runs/bench/neural_surd", "--timing-scale", "tiny",
                      "--write", "README.md", cwd=tmp_path).out  # fmt: skip
    text = readme.read_text()
    assert text.startswith("# a\n\n## Card\n\n`redheart bench plugin neural_surd`")
    assert text.endswith("\n\n## After\n\nkept\n")
    assert text.count("## Card") == 1
    assert "old" not in text
    assert printed.partition("Time of")[0] in text


def test_parameters_are_listed_by_submodule_and_add_up(tmp_path: Path) -> None:
    sizes = succeed("bench", "parameters", "neural_surd", "--json", cwd=tmp_path).json()
    table = succeed("bench", "parameters", "neural_surd", cwd=tmp_path).out
    last = table.strip().splitlines()[-1]
    assert [int(cell.replace(",", "")) for cell in last.strip("| ").split(" | ")[1:]] == [
        sum(sizes[scale].values()) for scale in ("tiny", "small", "base", "full")
    ]


def test_what_is_fitted_in_closed_form_has_a_card_without_training_times(tmp_path: Path) -> None:
    card = succeed("bench", "plugin", "linear", *DATA, *TRAINING, "--timing-scale", "tiny", cwd=tmp_path).out
    assert "| metric | linear | constant |" in card
    assert "ablations" not in card
    times = card.rstrip().splitlines()[-2:]
    assert [line.split(" | ")[1] for line in times] == ["1", "16"]
    assert all(line.endswith(" | - | - |") for line in times)


def test_what_is_no_node_cannot_be_measured(tmp_path: Path) -> None:
    refuse("bench", "parameters", "lsa", cwd=tmp_path, says=["'lsa' is no analyzer, head or fusion"])
    refuse("bench", "plugin", "nobody", cwd=tmp_path, says=["there is no plugin 'nobody'"])


def test_the_full_scale_is_accounted_for_without_memory(tmp_path: Path) -> None:
    answer = succeed("audit", "--meta", "--scale", "full", "--enable", "neural_emotion", *DATA, "--json", cwd=tmp_path)
    accounts = answer.json()
    assert sum(account["elements"] for account in accounts) > 400_000_000
    fitted = {account["group"] for account in accounts if not account["in_optimizer"]}
    assert fitted == {"linear", "stacking_fusion"}
    assert {account["state"] for account in accounts if account["group"] not in fitted} == {"not run"}


def test_training_steps_are_measured_beside_a_loop_by_hand(tmp_path: Path) -> None:
    two_groups = (*PLUGINS, "--disable", "neural_surd")
    command = ("bench", "train", *DATA, *two_groups, "--scale", "tiny", "--updates", "1", "--repeats", "2")
    costs = succeed(*command, "--json", cwd=tmp_path).json()
    assert {cost["scale"] for cost in costs} == {"tiny"}
    assert {cost["loop"] for cost in costs} >= {"by hand", "redheart"}
    assert "all" in {cost["group"] for cost in costs}
    assert not (tmp_path / "runs/village/groups").exists()
    header, *rows = succeed(*command, cwd=tmp_path).out.strip().splitlines()
    assert header.split()[:4] == ["scale", "group", "parameters", "loop"]
    assert len(rows) == len(costs)


@pytest.mark.thorough
def test_all_ways_to_make_a_model_are_compared_over_seeds_and_with_other_trainings(tmp_path: Path) -> None:
    small = ("--set", "training.scale=tiny", "--disable=regret_head", "--disable=neural_regret", *PLUGINS, *DATA)
    command = ("bench", "crossover", "village", "--seeds", "2", "--epochs", "2", "--one-rate", "3e-3", *small)
    (table, *_) = succeed(*command, "--json", cwd=tmp_path).json()["village"]
    rows = {row["variant"]: row for row in table["rows"]}
    assert rows["one rate, common epoch"]["gain"]["value"] == 0
    assert {"crossover", "validation's choice", "joint training", "one rate, validation's choice"} <= rows.keys()
    assert all(len(row["seeds"]) == 2 for row in rows.values())
    for name in ("seed", "one-rate", "joint"):
        settings = json.loads((tmp_path / f"runs/bench-crossover/village/{name}-1/run.json").read_text())["training"]
        assert settings["learning_rate"] == (1e-3 if name == "seed" else 3e-3)
    again = succeed(*command, "--json", cwd=tmp_path)
    assert again.json()["village"][0] == table
    for folder in (tmp_path / "runs/bench-crossover/village").glob("*-?"):
        assert len((folder / "test_reads.jsonl").read_text().splitlines()) == 1
    assert (tmp_path / "runs/bench-crossover/village/crossover.md").read_text().count("| joint training |") == 1


def test_each_group_is_left_out_of_the_fusion_of_a_finished_run(tmp_path: Path) -> None:
    succeed("train", "-o", "run", *DATA, *NETWORKS, *TRAINING, cwd=tmp_path)
    (tmp_path / "table.md").write_text("# a\n")
    found = succeed("bench", "fusion", "run", "--json", "--write", "table.md", cwd=tmp_path).json()
    groups = {"backbone", "linear", "neural_regret", "neural_surd"}
    assert {one["group"] for one in found} == groups
    assert {one["group"] for one in found if one["field"] == "regret"} == {"backbone", "linear", "neural_regret"}
    text = (tmp_path / "table.md").read_text()
    assert text.startswith("# a\n\n## Card\n\n`redheart bench fusion run`: ")
    assert all(f"\n| {group} | " in text for group in groups)
    card = succeed("bench", "plugin", "neural_surd", "--run", "run", "--timing-scale", "tiny", cwd=tmp_path).out
    (gain,) = [one["gain"] for one in found if one["group"] == "neural_surd"]
    assert f"| choice_factors | stacking_fusion of 2 | {gain['value']:+.2f} [" in card


def test_a_run_without_a_fusion_says_how_to_get_one(tmp_path: Path) -> None:
    succeed("train", "-o", "run", *DATA, *PLUGINS, *TRAINING, "--disable", "neural_surd", cwd=tmp_path)
    refuse("bench", "fusion", "run", cwd=tmp_path, says=["no fusion is finished in this run", "train with --enable"])
