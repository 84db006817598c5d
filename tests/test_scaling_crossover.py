"""redheart bench crossover --ray: every training of every seed on some node, one of which is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from front_door import DATA, PLUGINS, hashes, succeed
from own_process import started
from ray_cluster import cluster_of


@pytest.mark.thorough
def test_the_tables_are_those_of_one_process_and_nothing_is_tested_twice(tmp_path: Path) -> None:
    small = ("--set", "training.scale=tiny", "--disable=regret_head", "--disable=neural_regret", *PLUGINS, *DATA)
    command = ("bench", "crossover", "village", "--seeds", "2", "--epochs", "12", "--no-joint", *small, "--json", "-o")
    whole = succeed(*command, "whole", cwd=tmp_path)
    seeds = tmp_path / "shared" / "village"
    with (
        cluster_of(workers=2) as (cluster, nodes),
        started(*command, "shared", "--ray", cluster.address, cwd=tmp_path) as bench,
    ):
        bench.wait_until(lambda: len(list(seeds.glob("seed-*/groups/*/epoch-0002.safetensors"))) > 1)
        assert bench.running
        cluster.remove_node(nodes[0], allow_graceful=False)
        answer = bench.wait(240)
    assert answer.code == 0, answer.err
    assert answer.json() == whole.json()
    for seed in (0, 1):
        ours, theirs = (tmp_path / name / "village" / f"seed-{seed}" for name in ("shared", "whole"))
        assert hashes(ours / "groups") == hashes(theirs / "groups")
    assert hashes(seeds)["crossover.json"] == hashes(tmp_path / "whole" / "village")["crossover.json"]
