"""A fault campaign: processes are killed, disks fail and files are damaged, and everything is resumed.

What comes out has to be the undisturbed result bit for bit; a fault that is no kill has to be a RedheartError.
Prints a table of what was hit and what happened; the exit code is 1 if anything else happened.

    OMP_NUM_THREADS=1 TMPDIR=/dev/shm python tests/benchmarks/bench_faults.py [--faults 1000] [--seed 0]
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from fault_campaign import Ground, Wrong
from fault_jobs import JOBS


def main() -> int:
    """The campaign."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--faults", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=3600.0, help="begin no fault after so long")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", default=",".join(job.name for job in JOBS), help="names, with commas")
    options = parser.parse_args()
    warnings.simplefilter("ignore", ResourceWarning)  # files that a fault leaves open
    draw, counts, wrong, done = random.Random(options.seed), Counter[tuple[str, str, str, str]](), 0, 0
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        jobs = [job for job in JOBS if job.name in options.jobs.split(",")]
        grounds = []
        for job in jobs:
            ground = Ground.of(job, Path(name) / job.name)
            grounds.append(ground)
            print(
                f"{ground.job.name}: {len(ground.operations)} write operations, {ground.seconds:.2f} s; other bytes in "
                f"every twin: {', '.join(ground.varying) or 'none'}",
                flush=True,
            )
        while done < options.faults and time.monotonic() - started < options.seconds:
            (ground,) = draw.choices(grounds, [1 / (0.5 + one.seconds) for one in grounds])  # the slow ones less often
            kind, folder = draw.choice(ground.kinds), Path(name) / f"fault-{done}"
            try:
                hit, found = ground.disturb(folder, kind, draw)
            except Wrong as finding:
                wrong, hit, found = wrong + 1, "", "WRONG"
                print(f"WRONG: {ground.job.name}, {kind}: {finding}", flush=True)
            counts[ground.job.name, kind, hit, found] += 1
            shutil.rmtree(folder)
            done += 1
    print("| job | fault | at | what happened | times |\n|---|---|---|---|---|")
    for row, times in sorted(counts.items()):
        print("|", " | ".join(row), "|", times, "|")
    print(f"{done} faults in {time.monotonic() - started:.0f} s, {wrong} wrong", flush=True)
    return int(wrong > 0)


if __name__ == "__main__":
    os._exit(main())
