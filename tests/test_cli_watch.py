"""`redheart watch`: as text, as JSON, on a terminal, and beside a training that goes on."""

from __future__ import annotations

import io
import json
import os
import platform
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from front_door import SMALL, Finished, hashes, redheart, refuse, succeed
from own_process import pseudo_terminal, started
from rich.console import Console
from sealed_files import write_lines

from redheart.runs import Run
from redheart_cli.output import duration
from redheart_cli.watch import BARS, SHORT_SPARKLINE, SPARKLINE, draw, row, sparkline
from redheart_core.storage.sealed import sealed_line, write_sealed


def take_back(made: Any, group: str, epochs: int) -> Callable[[], None]:
    """Make a run of this process out of a finished one, with so many epochs of a group; gives what finishes it."""
    events, manifest = made.path / "events.jsonl", made.path / "groups" / group / "manifest.json"
    whole = [json.loads(line) for line in events.read_text().splitlines()]
    whole[0] |= {"process": os.getpid(), "host": platform.node()}
    table = json.loads(manifest.read_text())

    def is_later(line: dict[str, Any]) -> bool:
        return line["event"] == "run finished" or (line.get("group") == group and line["epoch"] > epochs)

    begun = [line for line in whole if not is_later(line)]
    later = [line for line in whole if is_later(line)]
    write_lines(events, begun)
    write_sealed(manifest, table | {"status": "running", "epochs": table["epochs"][:epochs]})

    def finish() -> None:
        write_sealed(manifest, table)
        with events.open("ab") as file:
            for line in later:
                text = sealed_line(line)
                for part in (text[:30], text[30:]):  # a line in two halves, as a full buffer leaves them
                    file.write(part)
                    file.flush()
                    time.sleep(0.01)

    return finish


def test_a_sparkline_goes_from_the_least_to_the_greatest() -> None:
    assert sparkline([3.0, 2.0, 1.0]) == BARS[7] + BARS[4] + BARS[0]
    assert sparkline([5.0, 5.0]) == BARS[0] * 2
    assert sparkline([0.0, 5e-324]) == BARS[0] + BARS[7]
    assert sparkline([]) == ""


def test_durations_are_hours_minutes_and_seconds() -> None:
    assert [duration(seconds) for seconds in (0.4, 59.6, 3599.6, 90061.0)] == [
        "0:00:00",
        "0:01:00",
        "1:00:00",
        "25:01:01",
    ]


def test_a_run_is_a_line_per_group_with_what_its_manifest_says(made: Any, tmp_path: Path) -> None:
    before = hashes(made.path)
    answer = succeed("watch", made.path, "--once", cwd=tmp_path)
    assert hashes(made.path) == before
    lines = answer.out.splitlines()
    assert lines[0] == f"{made.path}: finished"
    assert re.fullmatch(rf"process {os.getpid()} on \S+, peak memory \d+ MB", lines[1])
    assert lines[2].startswith("at work for 0:00:0")
    assert " ".join(lines[3].split()) == "group status epoch train valid best losses rate s/epoch"
    rows = {line.split()[0]: line for line in lines[4:]}
    assert set(rows) == {*made.manifests, "calculus"}
    for number, (name, manifest) in enumerate(made.manifests.items()):
        newest, best = manifest.epochs[-1], manifest.best
        losses, rate = sparkline([entry.validation_loss for entry in manifest.epochs]), f"{newest.learning_rate:.2g}"
        assert re.split(r"  +", rows[name]) == [
            name, "finished", "8/8", f"{newest.train_loss:.4f}", f"{newest.validation_loss:.4f}",
            f"{best.validation_loss:.4f}@{best.epoch}", losses, rate, f"{1.25 + number:.2f}",
        ]  # fmt: skip
    assert re.split(r"  +", rows["calculus"])[1:] == ["nothing to train", *"-------"]
    document = succeed("watch", made.path, "--json", cwd=tmp_path).json()
    assert [(group["name"], group["done"]) for group in document["groups"][:3]] == [
        (name, 8) for name in made.manifests
    ]
    assert document["groups"][0]["best"]["validation_loss"] == made.manifests["backbone"].best.validation_loss
    assert (document["state"], document["seconds_left"]) == ("finished", 0.0)


def test_a_run_that_goes_on_tells_what_is_left_and_who_stopped(make_run: Any, groups: Any, tmp_path: Path) -> None:
    made = make_run(groups, epochs=8, stopped={"neural_regret": 3}, reason="loss [red]nan[/red]")
    take_back(made, "backbone", 6)
    answer = succeed("watch", made.path, cwd=tmp_path)
    lines = answer.out.splitlines()
    assert lines[0] == f"{made.path}: running"
    assert re.search(r"at work for \S+, left 0:00:02$", lines[2])  # two epochs of 1.25 s
    assert lines[-1] == "neural_regret stopped after 3 epochs: loss [red]nan[/red]"


def test_an_interrupted_run_says_how_to_go_on(made: Any, tmp_path: Path) -> None:
    take_back(made, "backbone", 6)
    events = made.path / "events.jsonl"
    with subprocess.Popen(["true"]) as gone:
        pass
    lines = [json.loads(line) for line in events.read_text().splitlines()]
    write_lines(events, [lines[0] | {"process": gone.pid}, *lines[1:]])
    out = succeed("watch", made.path, "--once", cwd=tmp_path).out
    assert f"{made.path}: interrupted" in out
    assert f"go on with redheart train --resume -o {made.path}" in out


def test_colours_and_a_narrow_terminal_change_no_word(make_run: Any, groups: Any) -> None:
    made = make_run(groups, 20, stopped={"neural_regret": 3}, reason="loss [red]nan[/red]", calculators=("calculus",))
    view = Run(made.path).status()
    for width, bars in ((80, SHORT_SPARKLINE), (140, SPARKLINE)):
        console = Console(width=width, file=io.StringIO(), force_terminal=True, color_system="truecolor", record=True)
        console.print(draw(view, width))
        text = console.export_text()
        for group in view.groups:
            for cell in row(group, bars):
                assert all(word in text for word in cell.split())
        assert "neural_regret stopped after 3 epochs: loss [red]nan[/red]" in " ".join(text.split())


def test_what_is_no_run_or_damaged_is_refused(made: Any, tmp_path: Path) -> None:
    refuse("watch", "gone", cwd=tmp_path, says=["gone holds no run (no run.json)", "redheart train -o gone"])
    (made.path / "groups" / "backbone" / "manifest.json").write_text("{")
    shown = succeed("watch", made.path, cwd=tmp_path).out
    assert "backbone stopped after 0 epochs: " in shown
    assert "manifest.json is damaged: not JSON" in shown
    (made.path / "run.json").write_text("{")
    refuse("watch", made.path, cwd=tmp_path, says=["run.json is damaged: not JSON", "restore it"])


def test_a_terminal_shows_the_run_until_it_is_finished(made: Any, tmp_path: Path) -> None:
    finish = take_back(made, "backbone", 6)
    arguments = ("watch", made.path, "--interval", "0.1")
    more = {"TERM": "xterm-256color", "COLUMNS": "140"}
    with (
        pseudo_terminal() as terminal,
        started(*arguments, cwd=tmp_path, terminal=terminal.descriptor, more=more) as command,
    ):
        command.wait_until(lambda: b"6/8" in terminal.shown)
        assert command.running
        assert b": running" in terminal.shown
        finish()
        assert command.wait().code == 0
    last = terminal.text().rpartition(f"{made.path}: ")[2]
    assert last.startswith("finished")
    assert "8/8" in last
    assert "6/8" not in last


@pytest.mark.slow
def test_a_training_can_be_watched_from_its_first_file_to_its_end(finished: Finished, tmp_path: Path) -> None:
    """Looks while it is written never fail, never go back, and change no file of the run."""
    seen = []
    with started("train", "-o", "run", "--store", finished.store, *SMALL, cwd=tmp_path) as training:
        training.wait_until(lambda: (tmp_path / "run" / "run.json").exists())
        beside = redheart("watch", "run", "--once", cwd=tmp_path)
        while training.running:
            seen.append(Run(tmp_path / "run").status())
        process, answer = training.pid, training.wait()
    assert answer.code == 0, answer.err
    assert beside.code == 0, beside.err
    assert hashes(tmp_path / "run" / "groups") == hashes(finished.folder / "groups")
    seen.append(Run(tmp_path / "run").status())
    done = [sum(group.done for group in view.groups) for view in seen]
    assert done == sorted(done)
    assert done[-1] == 3 * len(seen[-1].groups)
    assert len(set(done)) > 2
    states = list(dict.fromkeys(view.state for view in seen))
    assert states in (["starting", "running", "finished"], ["running", "finished"])
    assert seen[-1].process == process
    assert seen[-1].peak_memory_bytes is not None
    assert seen[-1].peak_memory_bytes > 50_000_000
