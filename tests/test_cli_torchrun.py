"""torchrun -m redheart_cli train: several processes train one group of a run, others are trained without."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from front_door import GROUPS, SMALL, Finished, refuse, succeed


def torchrun(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """A command of redheart in two processes."""
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*launch, "-m", "redheart_cli", *map(str, arguments)]
    quiet = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=cwd, env=quiet, capture_output=True, text=True, timeout=240)


@pytest.mark.slow
def test_one_group_of_a_run_is_trained_by_two_processes(finished: Finished, tmp_path: Path) -> None:
    (tmp_path / "groups.toml").write_text(f'[groups.{GROUPS[1]}]\nshard = "fsdp"\n')
    begin: tuple[str | Path, ...] = ("train", "-o", "run", "--store", finished.store, *SMALL)
    begin = (*begin, "--groups", "groups.toml")
    refuse(*begin, cwd=tmp_path, says=[f"[groups.{GROUPS[1]}] shard is for several processes", "torchrun"])
    done = torchrun(*begin, "--only", GROUPS[1], "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('"stopped": {}') == 1
    only = [part for name in GROUPS if name != GROUPS[1] for part in ("--only", name)]
    succeed("train", "--resume", "-o", "run", *only, cwd=tmp_path)
    seen = succeed("watch", "run", "--once", "--json", cwd=tmp_path).json()
    assert seen["state"] == "finished"
    assert {group["name"]: group["done"] for group in seen["groups"]} == dict.fromkeys(GROUPS, 3)
    succeed("sweetspot", "run", cwd=tmp_path)
    succeed("crossover", "run", cwd=tmp_path)
