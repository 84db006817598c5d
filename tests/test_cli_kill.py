"""Training through the command line: killed, doubled, broken in one group, and watched on a terminal."""

from __future__ import annotations

import json
import random
import re
import signal
import time
from pathlib import Path

import pytest
from front_door import GROUPS, PLUGIN, SMALL, Finished, hashes, install, redheart, refuse
from own_process import pseudo_terminal, started

pytestmark = pytest.mark.slow


def checkpoints(run: Path) -> set[str]:
    return {path.name + path.parent.name for path in run.glob("groups/*/epoch-*.safetensors")}


def test_killed_at_random_moments_and_resumed_ends_in_the_same_files(finished: Finished, tmp_path: Path) -> None:
    """Every file below groups/ is compared: weights, losses by record, optimizer state and manifests."""
    generator = random.Random(17)
    begin: tuple[str | Path, ...] = ("train", "-o", "run", "--store", finished.store, *SMALL)
    kills = 0
    for _ in range(3):
        before = checkpoints(tmp_path / "run")
        with started(*begin, cwd=tmp_path) as command:
            command.wait_until(lambda: checkpoints(tmp_path / "run") != before)  # noqa: B023  # called in this turn
            time.sleep(generator.uniform(0.0, 0.05))
            command.send(signal.SIGKILL)
            kills += command.wait().code == -signal.SIGKILL
        begin = ("train", "--resume", "-o", "run")
    assert kills >= 2
    answer = redheart(*begin, "--json", cwd=tmp_path)
    assert (answer.code, answer.json()) == (0, {"run": "run", "stopped": {}})
    assert hashes(tmp_path / "run" / "groups") == hashes(finished.folder / "groups")
    events = [json.loads(line) for line in (tmp_path / "run" / "events.jsonl").read_text().splitlines()]
    assert events[-1]["event"] == "run finished"


def test_a_second_process_on_the_same_run_is_refused(finished: Finished, tmp_path: Path) -> None:
    with started("train", "-o", "run", "--store", finished.store, *SMALL, cwd=tmp_path) as command:
        command.wait_until(lambda: len(checkpoints(tmp_path / "run")) > 0)
        command.send(signal.SIGSTOP)
        refuse(
            "train", "--resume", "-o", "run", cwd=tmp_path, says=["another process is at work in run", "wait for it"]
        )
        command.send(signal.SIGCONT)
        assert command.wait().code == 0
    assert hashes(tmp_path / "run" / "groups") == hashes(finished.folder / "groups")
    refuse(
        "train", "-o", "run", "--store", finished.store, *SMALL, cwd=tmp_path,
        says=["run holds a run already", "--resume it or choose another folder with -o"],
    )  # fmt: skip


def test_a_group_that_diverges_is_named_and_the_others_finish(finished: Finished, tmp_path: Path) -> None:
    install(tmp_path, "breaking", PLUGIN.format(name="breaking"))
    begin: tuple[str | Path, ...] = ("-o", "run", "--store", finished.store, *SMALL, "--enable", "breaking")
    answer = redheart("train", *begin, "--json", cwd=tmp_path, site=tmp_path)
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
    again = redheart("run", *begin, cwd=tmp_path, site=tmp_path)
    assert again.code == 3, again.err
    assert "some groups stopped, so nothing is assembled: breaking: the training loss" in again.err
    assert "Traceback" not in again.err


def test_a_terminal_shows_bars(finished: Finished, tmp_path: Path) -> None:
    arguments: tuple[str | Path, ...] = ("train", "-o", "run", "--store", finished.store, *SMALL)
    more = {"TERM": "xterm-256color", "COLUMNS": "120"}
    with (
        pseudo_terminal() as terminal,
        started(*arguments, cwd=tmp_path, terminal=terminal.descriptor, more=more) as command,
    ):
        assert command.wait().code == 0
    text = terminal.text()
    assert "\x1b[" in text
    for group in GROUPS:
        assert re.search(rf"{group} +.*━.*3/3.*validation", text)
    assert text.rstrip().endswith("run: run")
