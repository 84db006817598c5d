"""redheart plan --nodes: the time of a training on several nodes, from the epochs of a run."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from front_door import GROUPS, Finished, hashes, refuse, succeed


def test_times_follow_from_the_epochs_of_the_run(finished: Finished, tmp_path: Path) -> None:
    before = hashes(finished.folder)
    found = succeed("plan", "--nodes", "6", "--costs", finished.folder, "--json", cwd=tmp_path).json()
    assert hashes(finished.folder) == before
    groups = {group["name"]: group for group in found["groups"]}
    assert set(groups) == set(GROUPS)
    assert {group["epochs"] for group in groups.values()} == {3}
    assert all(group["epoch"] > 0 and group["audit"] > 0 for group in groups.values())
    assert [one["nodes"] for one in found["nodes"]] == [1, 2, 4, 6]
    first, *_, last = [one["seconds"] for one in found["nodes"]]
    training = [3 * group["epoch"] + group["audit"] for group in groups.values()]
    assert first == pytest.approx(found["start"] + sum(training) + len(groups) * found["opening"])
    assert last == pytest.approx(found["start"] + found["opening"] + max(training))  # no group reads another
    table = succeed("plan", "--nodes", "2", "--costs", finished.folder, cwd=tmp_path).out
    assert "one process for all groups" in table


def test_what_is_not_known_is_said(finished: Finished, tmp_path: Path) -> None:
    run = finished.copy(tmp_path)
    refuse("plan", "--nodes", "2", cwd=tmp_path, says=["--nodes N and --costs RUN belong together"], code=2)
    refuse("plan", "--nodes", "2", "--costs", run, "--seed", "1", cwd=tmp_path, says=["leave the other"], code=2)
    shutil.rmtree(run / "groups" / GROUPS[1])
    (run / "events.jsonl").unlink()
    refuse("plan", "--nodes", "2", "--costs", run, cwd=tmp_path, says=["have done no epoch", f"'{GROUPS[1]}'"])
