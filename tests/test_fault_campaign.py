"""A short fault campaign; tests/benchmarks/bench_faults.py is the long one."""

from __future__ import annotations

import random
import warnings
from pathlib import Path

import pytest
from fault_campaign import EVERY_KIND, Ground, Wrong
from fault_jobs import JOBS, Job

SHORT = {job.name: job for job in JOBS if job.name in ("data preparation", "training", "background saving", "memory")}
ALL, FIRST, SECOND = slice(None), slice(0, None, 2), slice(1, None, 2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("job", "kinds"),
    [
        ("data preparation", ALL),
        ("memory", ALL),
        ("training", FIRST),
        ("background saving", SECOND),
        pytest.param("training", ALL, marks=pytest.mark.thorough),
        pytest.param("background saving", ALL, marks=pytest.mark.thorough),
    ],
    ids=lambda given: given if isinstance(given, str) else {ALL.step: "all", 2: "half"}[given.step],
)
def test_every_kind_of_fault_is_survived(job: str, kinds: slice, tmp_path: Path) -> None:
    """The two trainings, which differ in how they save, share the kinds."""
    draw = random.Random(job)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # files that a fault leaves open, in processes that end with it
        ground = Ground.of(SHORT[job], tmp_path / "ground")
        for kind in ground.kinds[kinds]:
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
