"""redheart train --start-from: groups begin at a model's weights, stay as they are, or say why they begin anew."""

from __future__ import annotations

import shutil
from pathlib import Path

import attrs
import pytest
from front_door import DATA, NETWORKS, PLUGINS, SMALL, TRAINING, Finished, refuse, succeed

import redheart
from redheart.main_job import EXAMPLE
from redheart.options import PluginChoice
from redheart.sessions import open_session
from redheart_core.config.tables import GroupSettings
from redheart_core.models.manifest import read_manifest
from redheart_core.models.provenance import learnt_from
from redheart_core.runs.description import LearntFrom
from redheart_core.runs.run import RunFolder

pytestmark = pytest.mark.slow


def again(finished: Finished, *more: str, settings: tuple[str, ...] = SMALL) -> tuple[str, ...]:
    """The command that begins another run on the same data at the finished model."""
    store = str(finished.folder / "store")
    return ("train", "-o", "again", *settings, "--store", store, "--start-from", str(finished.model), *more)


def test_epoch_zero_is_the_model_and_the_training_goes_on_from_there(finished: Finished, tmp_path: Path) -> None:
    said = succeed(*again(finished), cwd=tmp_path).err
    assert "begin at" in said
    model, run = read_manifest(finished.model), RunFolder(tmp_path / "again")
    assert set(run.starts) == set(model.groups)
    for name, group in model.groups.items():
        epochs = run.group(name).read().epochs
        assert [one.epoch for one in epochs] == [0, 1, 2, 3]
        assert epochs[0].sha256 == group.files[0].sha256
        assert epochs[0].validation_loss == group.validation_loss
        first = RunFolder(finished.folder).group(name).read().epochs[0]
        assert epochs[1].sha256 != first.sha256
    assert succeed("verify", "again", cwd=tmp_path).code == 0


def test_a_group_that_the_model_lacks_begins_anew_and_one_without_epochs_stays(
    finished: Finished, tmp_path: Path
) -> None:
    (tmp_path / "groups.toml").write_text("[groups.neural_regret]\nepochs = 0\n")
    without = [name for name in NETWORKS if name not in ("--disable", "neural_bentham")]
    disabled = [part for name in (*without, "linear", "stacking_fusion") for part in ("--disable", name)]
    settings = (*DATA, *disabled, *TRAINING)
    command = again(finished, "--groups", "groups.toml", settings=settings)
    said = " ".join(succeed("run", *command[1:], cwd=tmp_path).err.split())
    assert "neural_bentham begins anew: the model has no such group" in said
    run, model = RunFolder(tmp_path / "again"), read_manifest(finished.model)
    kept = run.group("neural_regret").read()
    assert (kept.status, [one.epoch for one in kept.epochs]) == ("finished", [0])
    assert [one.epoch for one in run.group("neural_bentham").read().epochs] == [1, 2, 3]
    assembled = read_manifest(tmp_path / "again" / "model").groups["neural_regret"]
    assert assembled.files[0].sha256 == model.groups["neural_regret"].files[0].sha256
    assert (assembled.epoch, assembled.started) == (0, True)
    assert assembled.learnt_from == model.groups["neural_regret"].learnt_from
    found = redheart.load(tmp_path / "again" / "model").analyze(EXAMPLE, language="en")
    assert ("neural_regret", "regret") in {(one.plugin, one.field) for one in found.findings}
    succeed("crossover", "again", "--compare", cwd=tmp_path)
    assert "kept as it began" in str(succeed("sweetspot", "again", "--json", cwd=tmp_path).json())


def test_what_the_model_was_learnt_from_stays_with_the_group_and_those_that_read_it(finished: Finished) -> None:
    context = open_session(finished.folder, PluginChoice()).context
    groups = {group.name: group for group in context.groups}
    other, own = LearntFrom("letters", "CC-BY-4.0", "a friend", 7), learnt_from(context, groups["neural_regret"], {})
    before = {"neural_regret": (other, *own), "backbone": (other,)}
    assert learnt_from(context, groups["neural_regret"], before) == (*own, other)
    assert learnt_from(context, groups["neural_surd"], before) == learnt_from(context, groups["neural_surd"], {})
    kept = attrs.evolve(groups["neural_regret"], settings=GroupSettings(epochs=0))
    assert learnt_from(context, kept, {"neural_regret": (other,)}) == (other,)


def test_random_weights_are_never_kept(finished: Finished, tmp_path: Path) -> None:
    (tmp_path / "groups.toml").write_text("[groups.neural_regret]\nepochs = 0\n")
    command = ("train", *SMALL, "--store", str(finished.folder / "store"), "-o", "again", "--groups", "groups.toml")
    refuse(*command, cwd=tmp_path, says=["'neural_regret'", "0 epochs", "random weights", "--start-from"])
    assert not (tmp_path / "again" / "run.json").exists()


def test_a_group_that_begins_anew_without_epochs_begins_no_run(finished: Finished, tmp_path: Path) -> None:
    (tmp_path / "groups.toml").write_text("[groups.neural_bentham]\nepochs = 0\n")
    disabled = (*PLUGINS[:4], *PLUGINS[6:])  # all but neural_bentham
    command = again(finished, "--groups", "groups.toml", settings=(*DATA, *disabled, *TRAINING))
    refuse(*command, cwd=tmp_path, says=["'neural_bentham'", "0 epochs", "random weights"])
    assert not (tmp_path / "again" / "run.json").exists()


def test_weights_of_other_shapes_are_named(finished: Finished, tmp_path: Path) -> None:
    larger = (*DATA, *PLUGINS, "--scale", "small", "--epochs", "1")
    says = ["no group can begin", "neural_regret: ", "is of shape", "another model"]
    refuse(*again(finished, settings=larger), cwd=tmp_path, says=says[:3])
    assert not (tmp_path / "again" / "run.json").exists()


def test_vectors_of_another_encoder_mean_nothing_to_the_weights(finished: Finished, tmp_path: Path) -> None:
    data = (*DATA, "--set", "village.english=100", *PLUGINS, *TRAINING)
    says = ["no group can begin", "encoder is another", "content_hash of lsa"]
    refuse("train", "-o", "again", *data, "--start-from", finished.model, cwd=tmp_path, says=says)


def test_a_damaged_file_of_the_model_begins_nothing(finished: Finished, tmp_path: Path) -> None:
    model = shutil.copytree(finished.model, tmp_path / "model")
    file = model / "groups" / "neural_regret.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"\0")
    command = [*again(finished)[:-1], str(model)]
    refuse(*command, cwd=tmp_path, says=["neural_regret.safetensors", "SHA-256"])
    assert not (tmp_path / "again" / "run.json").exists()
    succeed(*again(finished), cwd=tmp_path)


def test_processes_join_a_run_that_begins_at_the_same_model_alone(finished: Finished, tmp_path: Path) -> None:
    succeed(*again(finished, "--only", "neural_regret"), cwd=tmp_path)
    succeed(*again(finished, "--only", "neural_surd"), cwd=tmp_path)
    says = ["takes data and settings from the run", "leave the other options out"]
    refuse("train", "--resume", "-o", "again", "--start-from", finished.model, cwd=tmp_path, says=says, code=2)
    succeed("train", "--resume", "-o", "again", cwd=tmp_path)
    succeed("crossover", "again", cwd=tmp_path)
    command = [*again(finished)[:-1], str(tmp_path / "again" / "model"), "--only", "neural_regret"]
    refuse(*command, cwd=tmp_path, says=["was begun without", "another folder"])
