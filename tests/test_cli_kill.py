"""Training through the command line: killed, doubled, broken in one group, and watched on a terminal."""

from __future__ import annotations

import json
import os
import pty
import random
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from front_door import COMMAND, PLUGIN, SMALL, Finished, environment, finished_run, hashes, install, redheart, refuse

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return finished_run(tmp_path_factory.getbasetemp())


@contextmanager
def started(*arguments: str | Path, cwd: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A command at work; killed at the end should it still be."""
    with subprocess.Popen(
        [*COMMAND, *map(str, arguments)], cwd=cwd, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(process: subprocess.Popen[bytes], condition: Callable[[], bool]) -> None:
    """Until something is so, or the process has ended."""
    deadline = time.monotonic() + 120
    while not condition() and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def checkpoints(run: Path) -> set[str]:
    return {path.name + path.parent.name for path in run.glob("groups/*/epoch-*.safetensors")}


def test_killed_at_random_moments_and_resumed_ends_in_the_same_files(finished: Finished, tmp_path: Path) -> None:
    """Every file below groups/ is compared: weights, losses by record, optimizer state and manifests."""
    generator = random.Random(17)
    begin: tuple[str | Path, ...] = ("train", "-o", "run", "--store", finished.store, *SMALL)
    kills = 0
    for _ in range(3):
        before = checkpoints(tmp_path / "run")
        with started(*begin, cwd=tmp_path) as process:
            wait_for(process, lambda: checkpoints(tmp_path / "run") != before)  # noqa: B023  # called in this turn
            time.sleep(generator.uniform(0.0, 0.4))
            process.kill()
        kills += process.returncode == -signal.SIGKILL
        begin = ("train", "--resume", "-o", "run")
    assert kills >= 2
    answer = redheart(*begin, "--json", cwd=tmp_path)
    assert (answer.code, answer.json()) == (0, {"run": "run", "stopped": {}})
    assert hashes(tmp_path / "run" / "groups") == hashes(finished.folder / "groups")
    events = [json.loads(line) for line in (tmp_path / "run" / "events.jsonl").read_text().splitlines()]
    assert events[-1]["event"] == "run finished"


def test_a_second_process_on_the_same_run_is_refused(finished: Finished, tmp_path: Path) -> None:
    with started("train", "-o", "run", "--store", finished.store, *SMALL, cwd=tmp_path) as process:
        wait_for(process, lambda: len(checkpoints(tmp_path / "run")) > 0)
        process.send_signal(signal.SIGSTOP)
        refuse(
            "train", "--resume", "-o", "run", cwd=tmp_path, says=["another process is at work in run", "wait for it"]
        )
        process.send_signal(signal.SIGCONT)
        process.communicate(timeout=120)
        assert process.returncode == 0
    assert hashes(tmp_path / "run" / "groups") == hashes(finished.folder / "groups")
    refuse(
        "train", "-o", "run", "--store", finished.store, *SMALL, cwd=tmp_path,
        says=["run holds a run already", "--resume it or choose another folder with -o"],
    )  # fmt: skip


def test_a_group_that_diverges_is_named_and_the_others_finish(finished: Finished, tmp_path: Path) -> None:
    install(tmp_path, "breaking", PLUGIN.format(name="breaking"))
    more = {"PYTHONPATH": str(tmp_path)}
    begin: tuple[str | Path, ...] = ("-o", "run", "--store", finished.store, *SMALL, "--enable", "breaking")
    answer = redheart("train", *begin, "--json", cwd=tmp_path, more=more)
    assert answer.code == 3, answer.err
    (reason,) = answer.json()["stopped"].values()
    assert set(answer.json()["stopped"]) == {"breaking"}
    found = re.fullmatch(r"the training loss became nan in epoch (\d), step \d", reason)
    assert found
    last = int(found[1])
    assert f"breaking: STOPPED in epoch {last}: {reason}" in answer.err.splitlines()
    groups = tmp_path / "run" / "groups"
    manifest = json.loads((groups / "breaking" / "manifest.json").read_text())
    assert manifest["status"] == "stopped"
    assert last > 1
    assert [entry["epoch"] for entry in manifest["epochs"]] == list(range(1, last))
    assert (groups / "breaking" / manifest["epochs"][-1]["file"]).is_file()
    theirs = {name: digest for name, digest in hashes(groups).items() if not name.startswith("breaking/")}
    assert theirs == hashes(finished.folder / "groups")
    again = redheart("run", *begin, cwd=tmp_path, more=more)
    assert again.code == 3, again.err
    assert "some groups stopped, so nothing is assembled: breaking: the training loss" in again.err
    assert "Traceback" not in again.err


def test_a_terminal_shows_bars(finished: Finished, tmp_path: Path) -> None:
    reader, writer = pty.openpty()
    shown = bytearray()

    def collect() -> None:
        while True:
            try:
                part = os.read(reader, 65536)
            except OSError:  # how Linux reports that the other side is closed
                return
            if not part:
                return
            shown.extend(part)

    watcher = threading.Thread(target=collect)
    watcher.start()
    process = subprocess.Popen(
        [*COMMAND, "train", "-o", "run", "--store", str(finished.store), *SMALL],
        cwd=tmp_path, stdin=writer, stdout=writer, stderr=writer, env=environment(TERM="xterm-256color", COLUMNS="120"),
    )  # fmt: skip
    os.close(writer)
    assert process.wait(timeout=120) == 0
    watcher.join(timeout=30)
    os.close(reader)
    text = shown.decode()
    assert "\x1b[" in text
    for group in ("backbone", "neural_regret", "neural_surd"):
        assert re.search(rf"{group} +.*━.*3/3.*validation", text)
    assert text.rstrip().endswith("run: run")
