"""Several processes at once on one run do not disturb each other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from trained_toy import Trained

from redheart_core.runs.readings import read_readings
from redheart_core.runs.retention import references
from redheart_core.selection.sweetspot import SWEETSPOT

ROUNDS, PROCESSES = 3, 6
WORK = f"""
import os, sys
from pathlib import Path
from redheart_core.runs.readings import count_reading
from redheart_core.runs.retention import add_references
from redheart_core.runs.run import RunFolder
from redheart_core.selection.sweetspot import SWEETSPOT, find_sweetspot, trained_groups
run = RunFolder(Path(sys.argv[1]))
children = []
for number in range({PROCESSES}):
    child = os.fork()
    if child == 0:
        for turn in range({ROUNDS}):
            SWEETSPOT.write(run.path / "sweetspot.json", find_sweetspot(run, trained_groups(run)))
            add_references(run.path, {{"b": [10 * number + turn]}})
            count_reading(run.path)
            SWEETSPOT.read(run.path / "sweetspot.json")
        os._exit(0)
    children.append(child)
assert all(os.waitpid(child, 0)[1] == 0 for child in children)
"""


def test_six_at_once_lose_nothing_and_see_whole_files(trained: Trained) -> None:
    subprocess.run([sys.executable, "-c", WORK, str(trained.run.path)], check=True, timeout=120)
    expected = sorted(10 * number + turn for number in range(PROCESSES) for turn in range(ROUNDS))
    assert list(references(trained.run.path)["b"]) == expected
    assert len(read_readings(trained.run.path)) == PROCESSES * ROUNDS
    SWEETSPOT.read(trained.run.path / "sweetspot.json")
    assert [path.name for path in Path(trained.run.path).iterdir() if path.name.startswith(".")] == []
