"""What a model is made of stays on disk, however few epochs a run keeps."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
from sealed_files import change
from toy import Toy

from redheart_core.data.store import Store
from redheart_core.models.assembly import assemble
from redheart_core.models.blending import blend_groups
from redheart_core.models.manifest import read_manifest
from redheart_core.models.verifying import verify_model, verify_run
from redheart_core.runs.run import RunFolder
from redheart_export.opening import exported_files

EPOCHS, MORE = 4, 7


def epoch_files(run: RunFolder) -> set[str]:
    return {path.name for path in run.group("a").path.glob("epoch-*")}


def go_on(toy: Toy, run: RunFolder) -> None:
    """Train for more epochs, of which retention keeps one."""
    change(run.file, lambda table: table["training"].update(epochs=MORE, keep_epochs=1))
    folder = run.group("a")
    folder.write(attrs.evolve(folder.read(), status="running"))
    toy.run(run.path.name, [toy.node("a")], Store.open(toy.folder / "store"), epochs=MORE, keep_epochs=1)


@pytest.mark.parametrize("method", ["swa", "uniform soup", "top ensemble"])
def test_retention_deletes_no_epoch_that_a_method_was_made_of(toy: Toy, tmp_path: Path, method: str) -> None:
    run, _ = toy.run("run", [toy.node("a")], epochs=EPOCHS, keep_epochs=0)
    assert len(epoch_files(run)) == EPOCHS
    context = toy.context([toy.node("a")], Store.open(toy.folder / "store"), epochs=EPOCHS, keep_epochs=0)
    assemble(tmp_path / "model", run, context, *blend_groups(run, context, method))
    (weights,) = (group.files for group in read_manifest(tmp_path / "model").groups.values())
    used = {Path(file).name for one in weights for file in one.shares}
    assert len(used) > 1
    go_on(toy, run)
    assert run.group("a").read().epochs[-1].epoch == MORE
    assert used <= epoch_files(run)
    folder = run.group("a")
    for entry in folder.read().candidates:
        folder.weights(entry)


def test_without_a_model_retention_deletes_them(toy: Toy) -> None:
    run, _ = toy.run("run", [toy.node("a")], epochs=EPOCHS, keep_epochs=0)
    go_on(toy, run)
    best = run.group("a").read().best
    assert epoch_files(run) == {best.file, f"epoch-{MORE:04d}.safetensors"}


def test_retention_leaves_the_linked_files_of_a_model_whose_run_has_forgotten_it(toy: Toy, tmp_path: Path) -> None:
    run, _ = toy.run("run", [toy.node("a")], epochs=EPOCHS, keep_epochs=0)
    context = toy.context([toy.node("a")], Store.open(toy.folder / "store"), epochs=EPOCHS, keep_epochs=0)
    assemble(tmp_path / "model", run, context, *blend_groups(run, context, "top ensemble"))
    (weights,) = (group.files for group in read_manifest(tmp_path / "model").groups.values())
    before = {file: (tmp_path / "model" / file).read_bytes() for file in read_manifest(tmp_path / "model").files}
    used = {Path(file).name for one in weights for file in one.shares}
    (run.path / "references.json").unlink()
    go_on(toy, run)
    assert not used <= epoch_files(run), "the run has removed one of its own names"
    assert verify_model(tmp_path / "model", exported_files).damaged == []
    assert {file: (tmp_path / "model" / file).read_bytes() for file in before} == before


def test_weights_that_an_epoch_does_not_change_are_not_written_again(toy: Toy) -> None:
    run, _ = toy.run("frozen", [toy.node("a", dropout=0.0)], epochs=3, learning_rate=1e-45, weight_decay=0.0)
    manifest = run.group("a").read()
    assert [entry.epoch for entry in manifest.epochs] == [1, 2, 3]
    assert {entry.file for entry in manifest.epochs} == {"epoch-0001.safetensors"} == epoch_files(run)
    assert len({entry.state for entry in manifest.epochs}) > 1, "the moments do change"
    assert verify_run(run.path, exported_files).damaged == []
    for entry in manifest.epochs:
        run.group("a").weights(entry)
