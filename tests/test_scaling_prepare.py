"""redheart data prepare --ray: nodes encode the shards, one of them is lost, and the store is that of one process."""

from __future__ import annotations

from pathlib import Path

import pytest
from front_door import succeed
from own_process import started
from ray_cluster import cluster_of
from word_store import tree

DATA = ("--data", "village", "--encoder", "lsa", "--set", "village.english=1100", "--set", "village.korean=0")


@pytest.mark.thorough
def test_the_store_is_that_of_one_process_though_a_node_is_lost(tmp_path: Path) -> None:
    command = ("data", "prepare", *DATA, "-o")
    one_thread = {"OMP_NUM_THREADS": "1"}
    with cluster_of(workers=2) as (cluster, nodes):
        ray = ("--ray", cluster.address)
        with started(*command, "shared", *ray, cwd=tmp_path, more=one_thread) as prepare:
            succeed(*command, "whole", cwd=tmp_path)
            prepare.wait_until(lambda: (tmp_path / "shared" / "encoder").exists(), timeout_s=240.0)
            cluster.remove_node(nodes[0], allow_graceful=False)  # its tasks have just begun
            answer = prepare.wait(240)
    assert answer.code == 0, answer.err
    assert tree(tmp_path / "shared") == tree(tmp_path / "whole")
    assert len(list((tmp_path / "shared").glob("embedding-*"))) == 2
