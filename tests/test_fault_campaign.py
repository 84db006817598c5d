"""A short fault campaign; tests/benchmarks/bench_faults.py is the long one."""

from __future__ import annotations

import random
import warnings
from pathlib import Path

import pytest
from fault_campaign import EVERY_KIND, Ground, Wrong
from fault_jobs import JOBS, Job

SHORT = [job for job in JOBS if job.name in ("data preparation", "training", "background saving", "memory")]


@pytest.mark.slow
@pytest.mark.parametrize("job", SHORT, ids=[job.name for job in SHORT])
def test_every_kind_of_fault_is_survived(job: Job, tmp_path: Path) -> None:
    draw = random.Random(job.name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # files that a fault leaves open, in processes that end with it
        ground = Ground.of(job, tmp_path / "ground")
        for kind in ground.kinds:
            ground.disturb(tmp_path / kind.replace("/", " "), kind, draw)


def test_a_job_that_leaves_other_bytes_is_found(tmp_path: Path) -> None:
    """Each process adds a line, which a resumed one does twice."""

    def work(folder: Path) -> None:
        with (folder / "lines").open("ab") as file:
            file.write(b"line\n")

    ground = Ground.of(Job("adding", lambda folder: None, work), tmp_path / "ground")
    with pytest.raises(Wrong, match="other bytes in lines"):
        ground.disturb(tmp_path / "fault", "clock back", random.Random(0))
    assert "clock back" in EVERY_KIND
