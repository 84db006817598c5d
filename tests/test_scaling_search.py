"""redheart search --ray: the trials of a round as tasks on several nodes, one of which is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from front_door import SMALL, Finished, hashes, refuse, succeed
from own_process import started
from ray_cluster import cluster_of


@pytest.mark.thorough
def test_a_lost_node_costs_its_trials_and_no_digit(finished: Finished, tmp_path: Path) -> None:
    pytest.importorskip("optuna", reason="needs redheart[search]")
    options = ("--trials", "5", "--together", "3", "--json", "--epochs", "30")
    command: tuple[str | Path, ...] = (
        "search",
        "--group",
        "neural_regret",
        "--store",
        finished.store,
        *SMALL,
        *options,
    )
    whole = succeed(*command, "-o", "whole", cwd=tmp_path)
    losses = tmp_path / "run" / "search"
    with (
        cluster_of(workers=2) as (cluster, nodes),
        started(*command, "-o", "run", "--ray", cluster.address, cwd=tmp_path) as search,
    ):
        search.wait_until(lambda: len(list(losses.glob("*.safetensors"))) > 1, timeout_s=240.0)
        assert search.running
        cluster.remove_node(nodes[0], allow_graceful=False)
        answer = search.wait(240)
    assert answer.code == 0, answer.err
    found, expected = answer.json(), whole.json()
    assert {key: value for key, value in found.items() if key != "files"} == {
        key: value for key, value in expected.items() if key != "files"
    }
    ours, theirs = (hashes(tmp_path / name / "search") for name in ("run", "whole"))
    assert {name for name in ours if name.endswith((".toml", ".safetensors"))} == {
        name for name in theirs if name.endswith((".toml", ".safetensors"))
    }
    assert all(ours[name] == theirs[name] for name in ours if name.endswith(".safetensors"))


def test_a_cluster_for_one_trial_at_a_time_is_refused(finished: Finished, tmp_path: Path) -> None:
    command: tuple[str | Path, ...] = ("search", "--group", "neural_regret", "--store", finished.store, *SMALL)
    refuse(*command, "--ray", "local", cwd=tmp_path, says=["say how many with --together"], code=2)
    refuse(*command, "--resource", "neural_regret.cpus=2", cwd=tmp_path, says=["name one with --ray"], code=2)
