"""A training as one process and on simulated nodes of a Ray cluster, beside what `redheart plan --nodes` predicts.

    python tests/benchmarks/bench_nodes.py FOLDER --epochs 30

All nodes are on this machine, a core each, so that it needs at least as many idle cores as nodes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from ray_cluster import cluster_of

DATA = ("--set", "village.english=400", "--set", "village.korean=200", "--set", "lsa.width=48")
OPTIONS = (
    *(*DATA, "--set", "data.encoder=lsa", "--set", "training.keep_epochs=1", "--scale", "small"),
    *(part for name in ("bentham_head", "surd_head", "neural_bentham") for part in ("--disable", name)),
)


def redheart(*arguments: str | Path) -> str:
    """What a command prints."""
    command = [sys.executable, "-m", "redheart_cli", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def at_work_s(run: Path) -> float:
    """From the first event of a run to its last."""
    lines = [json.loads(line) for line in (run / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    times = [datetime.fromisoformat(line["timestamp"]) for line in lines]
    return (max(times) - min(times)).total_seconds()


def digests(run: Path) -> list[str]:
    """SHA-256 of the files of all groups."""
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted((run / "groups").glob("*/*"))]


def main() -> None:
    """Print a line per way of training."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--nodes", type=int, default=2)
    given = parser.parse_args()
    one = given.folder / "one"
    options = ("--store", given.folder / "store", *OPTIONS, "--epochs", str(given.epochs))
    redheart("data", "prepare", "-o", given.folder / "store", *DATA, "--encoder", "lsa")
    redheart("train", "-o", one, *options)
    print(f"one process: {at_work_s(one):.1f} s, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
    plan = json.loads(redheart("plan", "--nodes", str(given.nodes), "--costs", one, "--json"))
    start = plan["start"] + plan["opening"]
    print(f"predicted for one process: {plan['alone'] - start:.1f} s", flush=True)
    for schedule in plan["nodes"]:
        run = given.folder / f"nodes-{schedule['nodes']}-{time.time():.0f}"
        with cluster_of(workers=schedule["nodes"]) as (cluster, _):
            redheart("train", "-o", run, *options, "--ray", cluster.address)
        print(
            f"{schedule['nodes']} nodes: {at_work_s(run):.1f} s, predicted {schedule['seconds'] - start:.1f} s, "
            f"files equal: {digests(run) == digests(one)}, load {os.getloadavg()[0]:.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
