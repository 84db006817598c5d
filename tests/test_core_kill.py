"""A run that is killed in the middle of an epoch or of a save ends in the same bits as one that is not."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from toy import Toy

from redheart_core.runs.run import RunFolder

FilesOf = Callable[[RunFolder, str], dict[str, str]]

CHILD = """
import os, signal, sys
from pathlib import Path
import torch
sys.path.insert(0, sys.argv[1])
from toy import Toy
from redheart_core.training.group_trainer import GroupTrainer
from redheart_core.data.store import Store
toy = Toy(Path(sys.argv[2]))
left = {"%s": int(sys.argv[4])}
def dying(place, function):
    def wrapped(*args, **kwargs):
        if place in left:
            left[place] -= 1
            if left[place] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)
    return wrapped
store = toy.store()
os.replace = dying("rename", os.replace)
os.fsync = dying("fsync", os.fsync)
GroupTrainer.step = dying("step", GroupTrainer.step)
nodes = [toy.node("a"), toy.node("b", target="choice_factors"), toy.node("high", reads=("a.value",))]
toy.run(sys.argv[3], nodes, store)
"""


def child(folder: Path, name: str, place: str, after: int) -> int:
    """Train in a process of its own that kills itself at the given call; its return code."""
    command = [sys.executable, "-c", CHILD % place, str(Path(__file__).parent), str(folder), name, str(after)]
    return subprocess.run(command, check=False, timeout=300).returncode


@pytest.mark.slow
@pytest.mark.parametrize(("place", "points"), [("step", (3, 20, 39)), ("rename", (2, 5, 13)), ("fsync", (4, 9, 31))])
def test_killed_and_resumed_is_uninterrupted(toy: Toy, files_of: FilesOf, place: str, points: tuple[int, ...]) -> None:
    nodes = [toy.node("a"), toy.node("b", target="choice_factors"), toy.node("high", reads=("a.value",))]
    store = toy.store()
    for after in points:
        assert child(toy.folder, "killed", place, after) == -signal.SIGKILL
    killed, stopped = toy.run("killed", nodes, store)
    assert not stopped
    whole, _ = toy.run("whole", nodes, store)
    for name in ("a", "b", "high"):
        assert files_of(killed, name) == files_of(whole, name)
