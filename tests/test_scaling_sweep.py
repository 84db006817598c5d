"""redheart sweep --ray: the groups of a sweep as tasks on several nodes, one of which is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from front_door import SMALL, Finished, hashes, succeed
from own_process import started
from ray_cluster import cluster_of


def pieces(run: Path) -> set[str]:
    """Finished pieces of work."""
    return {f"{path.parent.name}/{path.name}" for path in run.glob("sweep/*/stage-*.json")}


@pytest.mark.thorough
def test_a_lost_node_costs_a_piece_of_work_and_no_bit(finished: Finished, tmp_path: Path) -> None:
    longer = ("--epochs", "30", "--sweep-epochs", "30", "--no-halving")
    command: tuple[str | Path, ...] = ("sweep", "--store", finished.store, *SMALL, *longer, "--json")
    whole = succeed(*command, "-o", "whole", cwd=tmp_path)
    with (
        cluster_of(workers=2) as (cluster, nodes),
        started(*command, "-o", "run", "--ray", cluster.address, cwd=tmp_path) as sweep,
    ):
        sweep.wait_until(lambda: len(pieces(tmp_path / "run")) > 0)
        assert sweep.running
        cluster.remove_node(nodes[0], allow_graceful=False)
        answer = sweep.wait()
    assert answer.code == 0, answer.err
    assert answer.json() == whole.json()
    assert pieces(tmp_path / "run") == pieces(tmp_path / "whole")
    for name in ("sweep.json", "groups.toml"):
        assert hashes(tmp_path / "run")[name] == hashes(tmp_path / "whole")[name]
