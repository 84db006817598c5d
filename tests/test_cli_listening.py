"""Plugins of event hooks alone: enabled by file or option, for a run that begins and for one that goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from front_door import SMALL, Finished, hashes, install, refuse, succeed
from own_process import redheart_process

LISTENER = '''
"""Notes what it hears in a file of the run."""
from redheart_core import hookimpl

@hookimpl
def redheart_before_run(event):
    with (event.folder / "heard.txt").open("a") as file:
        file.write(f"{dict(event.epochs_done)}\\n")
'''
LACKING = '"""Stands in for a library that is not there."""\nraise ModuleNotFoundError("no", name="tensorboard")\n'


def test_a_listener_is_asked_for_anew_when_a_run_goes_on(finished: Finished, tmp_path: Path) -> None:
    """plugins.toml, --enable and --disable decide each time; no number of the run changes."""
    run = finished.copy(tmp_path)
    before = hashes(run / "groups")
    install(tmp_path, "listener", LISTENER)
    resume = ("train", "--resume", "-o", "run")
    succeed(*resume, cwd=tmp_path, site=tmp_path)
    assert not (run / "heard.txt").exists()
    succeed(*resume, "--enable", "listener", cwd=tmp_path, site=tmp_path)
    heard = "{'backbone': 3, 'neural_regret': 3, 'neural_surd': 3}\n"
    assert (run / "heard.txt").read_text() == heard
    (tmp_path / "plugins.toml").write_text('active = ["listener"]\n')
    succeed(*resume, cwd=tmp_path, site=tmp_path)
    assert (run / "heard.txt").read_text() == 2 * heard
    succeed(*resume, "--disable", "listener", cwd=tmp_path, site=tmp_path)
    assert (run / "heard.txt").read_text() == 2 * heard
    assert hashes(run / "groups") == before


@pytest.mark.parametrize(
    "changed", [("--set", "training.weight_decay=0.5"), ("--set", "data.terms=0"), ("--disable", "backbone")]
)
def test_what_a_run_keeps_is_not_changed_when_it_goes_on(
    changed: tuple[str, str], finished: Finished, tmp_path: Path
) -> None:
    run = finished.copy(tmp_path)
    before = hashes(run)
    refuse(
        "train", "--resume", "-o", "run", *changed, cwd=tmp_path,
        says=["its own data and settings", f"leave out {' '.join(changed)}", "begin another run"],
    )  # fmt: skip
    assert hashes(run) == before


def test_a_listener_that_cannot_be_loaded_is_refused_by_name(finished: Finished, tmp_path: Path) -> None:
    finished.copy(tmp_path)
    install(tmp_path, "listener", "import no_such_module\n")
    (tmp_path / "plugins.toml").write_text('active = ["listener"]\n')
    refuse(
        "train", "--resume", "-o", "run", cwd=tmp_path, site=tmp_path,
        says=["plugin 'listener'", "no_such_module", "--disable listener"],
    )  # fmt: skip


def test_tensorboard_writes_beside_the_run_and_changes_no_number(finished: Finished, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="TensorBoard is not installed: pip install 'redheart[tensorboard]'")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    succeed("train", "-o", "run", "--store", finished.store, *SMALL, "--enable", "tensorboard", cwd=tmp_path)
    assert hashes(tmp_path / "run" / "groups") == hashes(finished.folder / "groups")
    for group in ("backbone", "neural_regret", "neural_surd"):
        manifest = json.loads((tmp_path / "run" / "groups" / group / "manifest.json").read_text())
        board = EventAccumulator(str(tmp_path / "run" / "tensorboard" / group)).Reload()
        written = [(event.step, event.value) for event in board.Scalars("loss/validation")]
        expected = [(entry["epoch"], pytest.approx(entry["validation_loss"], rel=1e-6)) for entry in manifest["epochs"]]
        assert written == expected


def test_tensorboard_without_its_library_is_refused_before_the_first_epoch(finished: Finished, tmp_path: Path) -> None:
    (tmp_path / "tensorboard.py").write_text(LACKING)
    answer = redheart_process(
        "train", "-o", "run", "--store", finished.store, *SMALL, "--enable", "tensorboard",
        cwd=tmp_path, site=tmp_path,
    )  # fmt: skip
    assert answer.code == 1
    assert "plugin 'tensorboard' needs the TensorBoard library: pip install 'redheart[tensorboard]'" in answer.err
    assert "Traceback" not in answer.err
    assert not (tmp_path / "run" / "groups").exists()
