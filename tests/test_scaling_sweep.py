"""redheart sweep --ray: the candidates of a sweep as tasks on several nodes, one of which is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from front_door import SMALL, Finished, hashes, succeed
from own_process import redheart_process, started
from ray_cluster import cluster_of


def candidates(run: Path) -> set[str]:
    """Finished ones."""
    return {f"{path.parent.name}/{path.name}" for path in run.glob("sweep/*/stage-*.json")}


@pytest.mark.thorough
@pytest.mark.parametrize("halving", [(), ("--no-halving",)], ids=["halving", "all to their ends"])
def test_a_lost_node_costs_its_candidates_and_no_bit(
    finished: Finished, tmp_path: Path, halving: tuple[str, ...]
) -> None:
    longer = ("--epochs", "30", "--sweep-epochs", "30", *halving)
    command: tuple[str | Path, ...] = ("sweep", "--store", finished.store, *SMALL, *longer, "--json")
    whole = succeed(*command, "-o", "whole", cwd=tmp_path)
    with (
        cluster_of(workers=2) as (cluster, nodes),
        started(*command, "-o", "run", "--ray", cluster.address, cwd=tmp_path) as sweep,
    ):
        sweep.wait_until(lambda: len(candidates(tmp_path / "run")) > 0)
        assert sweep.running
        cluster.remove_node(nodes[0], allow_graceful=False)
        answer = sweep.wait(240)
    assert answer.code == 0, answer.err
    assert answer.json() == whole.json()
    assert candidates(tmp_path / "run") == candidates(tmp_path / "whole")
    for name in ("sweep.json", "groups.toml"):
        assert hashes(tmp_path / "run")[name] == hashes(tmp_path / "whole")[name]


@pytest.mark.slow
def test_the_candidates_of_one_group_are_tasks_of_their_own(finished: Finished, tmp_path: Path) -> None:
    one_group = ("--disable", "neural_regret", "--disable", "neural_surd")
    options = ("--rates", "1e-3,1e-2", "--sweep-epochs", "2", "--seeds", "1", "--json")
    command: tuple[str | Path, ...] = ("sweep", "--store", finished.store, *SMALL, *one_group, *options)
    whole = succeed(*command, "-o", "whole", cwd=tmp_path)
    with cluster_of(workers=0, cpus=2) as (cluster, _):
        answer = redheart_process(*command, "-o", "run", "--ray", cluster.address, cwd=tmp_path)
    assert answer.code == 0, answer.err
    assert "sweep: 2 of 2" in answer.err
    assert answer.json() == whole.json()
    for name in ("sweep.json", "groups.toml"):
        assert hashes(tmp_path / "run")[name] == hashes(tmp_path / "whole")[name]
