"""redheart train --ray: groups as tasks on several nodes, one of which is lost, end in the files of one process."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from front_door import SMALL, Finished, check_refusal, hashes, succeed
from own_process import redheart_process, started
from ray_cluster import cluster_of

from redheart_core.runs.event_log import Began, Epoch, EventReader

LONG = (*SMALL, "--epochs", "60", "--set", "training.keep_epochs=2")
"""Long enough for a node to be lost in the middle."""


def epochs_of(run: Path) -> Counter[str]:
    """Finished epochs of each group so far."""
    return Counter(line.group for line in EventReader(run / "events.jsonl").read() if isinstance(line, Epoch))


@pytest.mark.slow
def test_groups_as_tasks_of_a_node_end_in_the_files_of_one_process(finished: Finished, tmp_path: Path) -> None:
    with cluster_of(workers=0) as (cluster, _):
        command = ("train", "-o", "run", "--store", finished.store, *SMALL, "--ray", cluster.address, "--json")
        answer = redheart_process(*command, cwd=tmp_path)
    assert (answer.code, answer.json()) == (0, {"run": "run", "stopped": {}}), answer.err
    assert hashes(tmp_path / "run" / "groups") == hashes(finished.folder / "groups")


@pytest.mark.thorough
def test_nodes_that_share_an_object_store_alone_end_in_the_files_of_one_process(
    finished: Finished, tmp_path: Path
) -> None:
    url = f"file://{tmp_path}/bucket"
    command: tuple[str | Path, ...] = (
        "train",
        "-o",
        "run",
        "--store",
        finished.store,
        *SMALL,
        "--mirror",
        url,
        "--json",
    )
    with cluster_of(workers=1) as (cluster, _):
        answer = redheart_process(*command, "--ray", cluster.address, cwd=tmp_path)
    assert (answer.code, answer.json()) == (0, {"run": "run", "stopped": {}}), answer.err
    assert hashes(tmp_path / "run" / "groups") == hashes(finished.folder / "groups")
    assert hashes(tmp_path / "run")["audit.json"] == hashes(finished.folder)["audit.json"]
    succeed("pull", url, "elsewhere", cwd=tmp_path)
    assert hashes(tmp_path / "elsewhere" / "groups") == hashes(finished.folder / "groups")
    assert succeed("watch", "run", "--once", "--json", cwd=tmp_path).json()["state"] == "finished"


@pytest.mark.thorough
def test_a_node_that_is_lost_costs_its_groups_an_epoch_and_no_bit(finished: Finished, tmp_path: Path) -> None:
    succeed("train", "-o", "whole", "--store", finished.store, *LONG, cwd=tmp_path)
    run = tmp_path / "run"
    with cluster_of(workers=2) as (cluster, nodes):
        command = ("train", "-o", "run", "--store", finished.store, *LONG, "--ray", cluster.address, "--json")
        with started(*command, cwd=tmp_path) as training:
            training.wait_until(lambda: sum(count > 2 for count in epochs_of(run).values()) > 1)
            assert training.running
            cluster.remove_node(nodes[0], allow_graceful=False)
            answer = training.wait()
    assert (answer.code, answer.json()) == (0, {"run": "run", "stopped": {}}), answer.err
    began = Counter(
        group for line in EventReader(run / "events.jsonl").read() if isinstance(line, Began) for group in line.groups
    )
    assert max(began.values()) > 1  # the group of the lost node was taken up again
    assert hashes(run / "groups") == hashes(tmp_path / "whole" / "groups")
    assert hashes(run)["audit.json"] == hashes(tmp_path / "whole")["audit.json"]
    assert succeed("watch", "run", "--once", "--json", cwd=tmp_path).json()["state"] == "finished"


@pytest.mark.thorough
def test_a_node_that_is_lost_with_its_disk_costs_no_bit_of_what_is_in_the_object_store(
    finished: Finished, tmp_path: Path
) -> None:
    succeed("train", "-o", "whole", "--store", finished.store, *LONG, cwd=tmp_path)
    url, logs = f"file://{tmp_path}/bucket", tmp_path / "bucket" / "logs" / "events.jsonl"
    with cluster_of(workers=2) as (cluster, nodes):
        command = ("train", "-o", "run", "--store", finished.store, *LONG, "--mirror", url, "--ray", cluster.address)
        with started(*command, "--json", cwd=tmp_path) as training:
            training.wait_until(lambda: len(list(logs.glob("[!.]*"))) > 1)
            assert training.running
            cluster.remove_node(nodes[0], allow_graceful=False)
            answer = training.wait()
    assert (answer.code, answer.json()) == (0, {"run": "run", "stopped": {}}), answer.err
    began = Counter(
        group
        for line in EventReader(tmp_path / "run" / "events.jsonl").read()
        if isinstance(line, Began)
        for group in line.groups
    )
    assert max(began.values()) > 1  # the group of the lost node was taken up again
    assert hashes(tmp_path / "run" / "groups") == hashes(tmp_path / "whole" / "groups")


@pytest.mark.thorough
def test_a_cluster_of_this_machine_is_started_and_faults_are_messages(finished: Finished, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not installed")
    begin: tuple[str | Path, ...] = ("train", "-o", "run", "--store", finished.store, *SMALL, "--ray")
    answer = redheart_process(*begin, "local", "--resource", "backbone.cpus=500", cwd=tmp_path)
    check_refusal(answer, ["no node of the cluster has the 500 CPUs that 'backbone' asks for", "--resource"])
    assert redheart_process(*begin, "local", cwd=tmp_path).code == 0
    assert hashes(tmp_path / "run" / "groups") == hashes(finished.folder / "groups")
    answer = redheart_process(*begin, "local", cwd=tmp_path)
    check_refusal(answer, ["run holds a run already", "--resume"])
    answer = redheart_process(*begin, "127.0.0.1:9", cwd=tmp_path)
    check_refusal(answer, ["no Ray cluster answers at '127.0.0.1:9'", "ray start --head"])
    answer = redheart_process(*begin, "local", "--only", "backbone", cwd=tmp_path)
    check_refusal(answer, ["leave --only and --wait out"], code=2)
