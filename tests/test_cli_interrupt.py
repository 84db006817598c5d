"""Interrupted commands end with the exit code of the signal and one line that says what is left."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from front_door import SMALL
from own_process import started

ENDED = {signal.SIGINT: (130, "interrupted"), signal.SIGTERM: (143, "terminated")}


@pytest.mark.slow
@pytest.mark.parametrize("number", ENDED)
@pytest.mark.parametrize(
    ("command", "left"),
    [
        ("train", "the same command with --resume goes on where it was"),
        ("run", "the same command goes on where it was"),
    ],
)
def test_an_interrupted_training_says_how_it_goes_on(
    tmp_path: Path, number: signal.Signals, command: str, left: str
) -> None:
    code, how = ENDED[number]
    with started(command, "-o", "run", *SMALL, "--epochs", "500", cwd=tmp_path) as at_work:
        at_work.wait_until(lambda: len(list(tmp_path.glob("run/groups/*/epoch-*"))) > 2)
        at_work.send(number)
        answer = at_work.wait()
    assert answer.code == code
    assert answer.err.splitlines()[-1] == f"{how}; {left}"
    assert "Traceback" not in answer.err
    assert [path.name for path in tmp_path.rglob("*.tmp")] == []


@pytest.mark.parametrize("number", ENDED)
def test_a_signal_while_libraries_are_imported_gives_no_traceback(tmp_path: Path, number: signal.Signals) -> None:
    script = (
        "import os, sys, importlib.abc\n"
        "class Interrupting(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == 'torch': os.kill(os.getpid(), {int(number)})\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "sys.argv = ['redheart', 'data', 'prepare', '-o', 'store']\n"
        "from redheart_cli.__main__ import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == ENDED[number][0], done.stderr
    assert done.stderr == f"{ENDED[number][1]}; the same command goes on where it was\n"
