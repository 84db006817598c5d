"""Interrupted commands end with the exit code of the signal and one line that says what is left."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from front_door import SMALL, Answer
from own_process import started

ENDED = {signal.SIGINT: (130, "interrupted"), signal.SIGTERM: (143, "terminated")}
SAME = "the same command goes on where it was"
BURST = 16
COMMAND = """
import os, signal, sys, time
from redheart_cli import interruption
from redheart_cli.interruption import ending_in_order, interruptible, listen
listen()
with ending_in_order(), interruptible():
"""
"""The frame of a command, without what takes seconds to import; its body has to be added."""


def python(script: str, cwd: Path) -> Answer:
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=cwd, check=False, timeout=60
    )
    return Answer(done.returncode, done.stdout, done.stderr)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "command", "left"),
    [
        (signal.SIGTERM, "train", "redheart train --resume -o run goes on where it was"),
        (signal.SIGINT, "run", SAME),
    ],
)
def test_an_interrupted_training_says_how_it_goes_on(
    tmp_path: Path, number: signal.Signals, command: str, left: str
) -> None:
    code, how = ENDED[number]
    with started(command, "-o", "run", *SMALL, "--epochs", "500", cwd=tmp_path) as at_work:
        at_work.wait_until(lambda: len(list(tmp_path.glob("run/groups/*/epoch-*"))) > 2)
        with suppress(ProcessLookupError):  # it may end before the burst does
            for _ in range(BURST):
                at_work.send(number)
                time.sleep(0.001)
        answer = at_work.wait(30.0)
    assert answer.code == code
    assert answer.err.splitlines()[-1] == f"{how}; {left}"
    assert "Traceback" not in answer.err
    assert [path.name for path in tmp_path.rglob("*.tmp")] == []


@pytest.mark.slow
def test_a_training_that_has_not_begun_is_not_said_to_be_resumable(tmp_path: Path) -> None:
    with started("train", "-o", "run", *SMALL, cwd=tmp_path) as at_work:
        at_work.wait_until(lambda: (tmp_path / "run" / "store").exists())
        at_work.send(signal.SIGINT)
        answer = at_work.wait(30.0)
    assert not (tmp_path / "run" / "run.json").exists()
    assert answer.code == 130
    assert answer.err.splitlines()[-1] == f"interrupted; {SAME}"


@pytest.mark.parametrize("number", ENDED)
def test_signals_while_libraries_are_imported_end_the_command_in_order(tmp_path: Path, number: signal.Signals) -> None:
    """Some libraries go on without a part of theirs that cannot be imported, whatever the reason."""
    script = (
        "import os, sys, importlib.abc\n"
        "class Interrupting(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        try:\n"
        f"            if name == 'torch': [os.kill(os.getpid(), {int(number)}) for _ in range({BURST})]\n"
        "        except BaseException: pass\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "sys.argv = ['redheart', 'data', 'prepare', '-o', 'store']\n"
        "from redheart_cli.__main__ import main\n"
        "main()\n"
    )
    answer = python(script, tmp_path)
    assert answer.code == ENDED[number][0], answer.err
    assert answer.err == f"{ENDED[number][1]}; {SAME}\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", ENDED)
def test_a_signal_before_the_handlers_stand_waits_for_them(tmp_path: Path, number: signal.Signals) -> None:
    script = (
        "import os, sys, importlib.abc\n"
        "class Interrupting(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == 'redheart_cli.interruption': os.kill(os.getpid(), {int(number)})\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "sys.argv = ['redheart', '--help']\n"
        "from redheart_cli.__main__ import main\n"
        "main()\n"
    )
    answer = python(script, tmp_path)
    assert (answer.code, answer.err) == (ENDED[number][0], f"{ENDED[number][1]}; run the same command again\n")


@pytest.mark.parametrize("number", ENDED)
def test_a_signal_inside_the_import_of_a_c_extension_waits_for_its_end(tmp_path: Path, number: signal.Signals) -> None:
    script = (
        COMMAND + "    def on(event, found):\n"
        "        if event == 'import' and str(found[1]).endswith('.so') and 'multiarray' in found[0]:\n"
        f"            os.kill(os.getpid(), {int(number)})\n"
        "    sys.addaudithook(on)\n"
        "    try:\n"
        "        import numpy\n"
        "        print(numpy.arange(3).sum(), interruption.LISTENER.number is not None, flush=True)\n"
        "    finally:\n"
        "        while True: time.sleep(0.01)\n"
    )
    answer = python(script, tmp_path)
    assert (answer.code, answer.out) == (ENDED[number][0], "3 True\n"), answer.err
    assert answer.err == f"{ENDED[number][1]}; run the same command again\n"


def test_an_interruption_that_is_lost_is_raised_again(tmp_path: Path) -> None:
    """What is raised in a finaliser goes nowhere, and what a bare except catches is gone."""
    script = (
        COMMAND + "    class Lost:\n"
        "        def __del__(self): os.kill(os.getpid(), signal.SIGINT); time.sleep(0)\n"
        "    Lost()\n"
        "    try: time.sleep(60)\n"
        "    except: pass\n"
        "    time.sleep(60)\n"
    )
    assert python(script, tmp_path) == Answer(130, "", "interrupted; run the same command again\n")


def test_files_that_an_interruption_leaves_open_are_not_reported(tmp_path: Path) -> None:
    """Even where warnings are errors, as in tests; before an interruption they are reported."""
    script = (
        COMMAND + "    import warnings\n"
        "    warnings.simplefilter('error', ResourceWarning)\n"
        "    open('before', 'w')\n"
        "    def abandon(): file = open('after', 'w'); os.kill(os.getpid(), signal.SIGINT); time.sleep(60)\n"
        "    abandon()\n"
    )
    answer = python(script, tmp_path)
    assert (answer.code, answer.err.splitlines()[-1]) == (130, "interrupted; run the same command again")
    assert "name='before'" in answer.err
    assert "name='after'" not in answer.err


def test_a_slow_import_is_waited_for_and_then_ended_in_order(tmp_path: Path) -> None:
    script = (
        COMMAND + "    interruption.PATIENCE_S = 1.0\n"
        "    with open('slow.py', 'w') as file:\n"
        "        file.write('import os, signal, time; os.kill(os.getpid(), signal.SIGINT); time.sleep(2)')\n"
        "    sys.path.insert(0, '')\n"
        "    import slow\n"
        "    time.sleep(60)\n"
    )
    assert python(script, tmp_path) == Answer(130, "", "interrupted; run the same command again\n")


def test_what_never_lets_go_is_ended(tmp_path: Path) -> None:
    script = (
        (
            COMMAND + "    interruption.PATIENCE_S = 0.3\n"
            "    os.kill(os.getpid(), signal.SIGTERM)\n"
            "    while True:\n"
            "        try: time.sleep(1)\n"
            "        except BaseException: pass\n"
        )
        .replace("    os.kill", "    try: os.kill")
        .replace("SIGTERM)\n", "SIGTERM)\n    except BaseException: pass\n")
    )
    answer = python(script, tmp_path)
    assert answer.code == 143
    assert answer.err == "terminated; the command did not end in order; what it had finished is kept\n"


@pytest.mark.skipif(sys.platform == "win32", reason="asks for the signal masks of POSIX")
def test_a_process_that_got_no_time_has_not_used_up_its_patience(tmp_path: Path) -> None:
    """As where the machine stood still: the handler could not be called for longer than that."""
    script = (
        COMMAND + "    interruption.PATIENCE_S, interruption.STALL_S = 1.0, 0.2\n"
        "    try: time.sleep(60 + os.kill(os.getpid(), signal.SIGINT))\n"
        "    finally:\n"
        "        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM]); time.sleep(2)\n"
        "        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGALRM]); print('in order', flush=True)\n"
    )
    assert python(script, tmp_path) == Answer(130, "in order\n", "interrupted; run the same command again\n")


def test_cleaning_up_is_not_interrupted(tmp_path: Path) -> None:
    script = (
        COMMAND + "    try: time.sleep(60 + os.kill(os.getpid(), signal.SIGINT))\n"
        "    finally:\n"
        f"        for _ in range({BURST}): os.kill(os.getpid(), signal.SIGTERM); time.sleep(0.02)\n"
        "        print('in order', flush=True)\n"
    )
    assert python(script, tmp_path) == Answer(130, "in order\n", "interrupted; run the same command again\n")
