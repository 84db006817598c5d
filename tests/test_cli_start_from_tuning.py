"""redheart sweep, search and auto --start-from: what is found is for groups that begin at a model."""

from __future__ import annotations

from pathlib import Path

import pytest
from front_door import GROUPS, SMALL, Finished, refuse, succeed

from redheart_core.models.manifest import read_manifest
from redheart_core.runs.run import RunFolder

pytestmark = pytest.mark.slow
SWEEP = ("--rates", "1e-9,1e-3", "--sweep-epochs", "1", "--seeds", "1", "--no-halving")
SEARCH = ("search", "--group", "neural_regret", "--trials", "1")
WIDTHS = """
[plugins.neural_regret.width]
choices = [144]
"""


def at(model: Path, finished: Finished) -> tuple[str, ...]:
    return ("-o", "tried", *SMALL, "--store", str(finished.folder / "store"), "--start-from", str(model))


def test_a_sweep_begins_at_the_model_and_leaves_out_what_stays_as_it_is(finished: Finished, tmp_path: Path) -> None:
    (tmp_path / "kept.toml").write_text("[groups.backbone]\nepochs = 0\n")
    command = ("sweep", *at(finished.model, finished), *SWEEP)
    answer = succeed(*command, "--groups", "kept.toml", "--json", cwd=tmp_path)
    assert f"begin at {finished.model}: " in answer.err
    found, model = {one["group"]: one for one in answer.json()["groups"]}, read_manifest(finished.model)
    assert (found["backbone"]["status"], "epochs = 0" in found["backbone"]["reason"]) == ("skipped", True)
    for name in GROUPS[1:]:
        slowest = found[name]["rates"][0]
        assert slowest["losses"][0] == pytest.approx([model.groups[name].validation_loss], abs=1e-5)
    without = command[: command.index("--start-from")]
    says = ["was begun at other weights of a model", "give the same --start-from"]
    refuse(*without, *SWEEP, "--groups", "kept.toml", cwd=tmp_path, says=says)


def test_a_search_has_the_losses_of_the_training_that_begins_at_the_model(finished: Finished, tmp_path: Path) -> None:
    pytest.importorskip("optuna", reason="needs redheart[search]")
    options = at(finished.model, finished)
    found = succeed(*SEARCH, *options, "--json", cwd=tmp_path).json()
    succeed("train", *options, "--only", "neural_regret", cwd=tmp_path)
    epochs = RunFolder(tmp_path / "tried").group("neural_regret").read().epochs
    assert [one.epoch for one in epochs] == [0, 1, 2, 3]
    assert found["own"] == pytest.approx(min(one.validation_loss for one in epochs), rel=1e-12)
    without = options[: options.index("--start-from")]
    refuse(*SEARCH, *without, cwd=tmp_path, says=["tried begins at a model", "--start-from"])


def test_what_wants_other_weights_is_a_trial_that_fails_by_name_and_auto_tries_none(
    finished: Finished, tmp_path: Path
) -> None:
    pytest.importorskip("optuna", reason="needs redheart[search]")
    (tmp_path / "space.toml").write_text(WIDTHS)
    options = at(finished.model, finished)
    refuse(*SEARCH, "--space", "space.toml", *options, cwd=tmp_path, says=["no trial of group 'neural_regret'"])
    found = succeed("auto", "--trials", "1", "--space", "space.toml", *options, "--json", cwd=tmp_path).json()
    (regret,) = found["groups"]
    assert "cannot begin at the model with these settings" in regret["failures"]["0"]
    wide = succeed("auto", "--trials", "1", *options, "-o", "wide", "--json", cwd=tmp_path).json()
    names = {name for group in wide["groups"] for one in group["candidates"] for name in one["values"]}
    assert any(name.endswith("learning_rate") for name in names)
    assert not [name for name in names if name.startswith("plugins.") or name.endswith((".scale", ".residual"))]


def test_what_cannot_begin_at_a_model_says_so(finished: Finished, tmp_path: Path) -> None:
    options = at(finished.model, finished)
    for command in ("sweep", *SWEEP), (*SEARCH, "--together", "2"):
        refuse(*command, *options, "--ray", "local", cwd=tmp_path, says=["leave --ray out"], code=2)
    encoders = ("--try-encoder", "lsa", "--try-encoder", "use_multilingual")
    refuse("auto", *options, *encoders, cwd=tmp_path, says=["--start-from or --try-encoder"])
    agents = ("sweep", "--data", "pettingzoo", "-o", "tried", "--start-from", str(finished.model))
    refuse(*agents, cwd=tmp_path, says=["agents begin anew"], code=2)
    assert not (tmp_path / "tried" / "run.json").exists()
