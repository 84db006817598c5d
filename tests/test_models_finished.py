"""Untrained networks never answer: a model holds finished groups alone, with the proof that it is exact."""

from __future__ import annotations

import os
from pathlib import Path

import attrs
import pytest
import torch
from sealed_files import change
from trained_toy import Trained

from redheart_core import CheckpointError
from redheart_core.models.assembly import assemble
from redheart_core.models.manifest import read_manifest
from redheart_core.models.model import load_model
from redheart_core.models.of_run import chosen_epochs, left_out, require_model
from redheart_core.runs.retention import references
from redheart_core.selection.sweetspot import find_sweetspot

CPU = torch.device("cpu")


def stop_early(trained: Trained, group: str) -> None:
    """As a process that was killed after the group's first epoch leaves it."""
    folder = trained.run.group(group)
    manifest = folder.read()
    folder.write(attrs.evolve(manifest, status="running", epochs=manifest.epochs[:1]))


def test_an_unfinished_group_is_refused_with_the_command_that_goes_on(trained: Trained, tmp_path: Path) -> None:
    chosen = find_sweetspot(trained.run, ["a", "b", "high"]).chosen("best")
    stop_early(trained, "b")
    with pytest.raises(CheckpointError, match=r"redheart train --resume -o [\s\S]*- b: 1 of \d+ epochs are done"):
        assemble(tmp_path / "model", trained.run, trained.context, chosen)
    assert list(tmp_path.glob("*model*")) == []


def test_a_group_without_its_manifest_is_refused(trained: Trained, tmp_path: Path) -> None:
    chosen = find_sweetspot(trained.run, ["b", "high"]).chosen("best")
    trained.run.group("a").manifest_file.unlink()
    with pytest.raises(CheckpointError, match=r"- a: no manifest [\s\S]*- high: it reads a"):
        assemble(tmp_path / "model", trained.run, trained.context, chosen)


def test_a_model_of_a_part_leaves_out_the_group_and_its_readers_and_says_so(trained: Trained, tmp_path: Path) -> None:
    trained.run.group("a").manifest_file.unlink()
    chosen = find_sweetspot(trained.run, ["b"]).chosen("best")
    assemble(tmp_path / "model", trained.run, trained.context, chosen, partial=True)
    manifest = read_manifest(tmp_path / "model")
    assert set(manifest.missing) == {"a", "high"}
    assert list(manifest.nodes) == ["b"]
    nodes = [node for node in trained.context.nodes if node.name == "b"]
    model = load_model(tmp_path / "model", nodes, CPU)
    embedding, mask = trained.context.store.batch(torch.arange(3))
    assert set(model.predict(embedding, mask, {})) == {"b.value"}
    assert set(model.missing) == {"a", "high"}


def test_a_group_that_joined_the_run_later_is_left_out_and_a_whole_model_is_asked_for(
    trained: Trained, tmp_path: Path
) -> None:
    sweetspot = find_sweetspot(trained.run, ["a", "b", "high"])
    assemble(tmp_path / "model", trained.run, trained.context, sweetspot.chosen("best"))
    assert left_out(tmp_path / "model", trained.run) == {}
    require_model(tmp_path / "model", trained.run, sweetspot)
    change(trained.run.file, lambda table: table["groups"].update(new=table["groups"]["b"]))
    assert left_out(tmp_path / "model", trained.run) == {"new": "it joined the run after the model was assembled"}
    with pytest.raises(CheckpointError, match="leaves out new, which the run holds by now; remove it"):
        require_model(tmp_path / "model", trained.run, sweetspot)


def test_a_model_without_weights_or_without_its_check_does_not_load(trained: Trained, tmp_path: Path) -> None:
    chosen = find_sweetspot(trained.run, ["a", "b", "high"]).chosen("best")
    assemble(tmp_path / "model", trained.run, trained.context, chosen)
    file = tmp_path / "model" / "manifest.json"
    whole = file.read_bytes()
    change(file, lambda table: table["groups"]["b"].update(files=[], validation_loss=None))
    with pytest.raises(CheckpointError, match="holds no weights of group 'b'; untrained modules never answer"):
        load_model(tmp_path / "model", trained.context.nodes, CPU)
    file.write_bytes(whole)
    change(file, lambda table: table["checks"].pop())
    with pytest.raises(CheckpointError, match="holds no exactness check of high"):
        load_model(tmp_path / "model", trained.context.nodes, CPU)


def test_a_failed_assembly_leaves_nothing_and_references_come_before_the_model(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = find_sweetspot(trained.run, ["a", "b", "high"]).chosen("best")

    def fail(source: Path, target: Path) -> None:
        if Path(target).name == "model":
            raise KeyboardInterrupt
        replace(source, target)

    replace = os.replace
    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(KeyboardInterrupt):
        assemble(tmp_path / "model", trained.run, trained.context, chosen)
    monkeypatch.setattr(os, "replace", replace)
    assert list(tmp_path.glob("*model*")) == []
    assert references(trained.run.path) == {name: (entry.epoch,) for name, entry in chosen.items()}


def test_files_are_copied_where_there_are_no_links(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    chosen = find_sweetspot(trained.run, ["a", "b", "high"]).chosen("best")
    assemble(tmp_path / "model", trained.run, trained.context, chosen)
    source, copy = trained.run.group("b").path / chosen["b"].file, tmp_path / "model" / "groups" / "b.safetensors"
    assert copy.read_bytes() == source.read_bytes()
    assert not copy.samefile(source)
    load_model(tmp_path / "model", trained.context.nodes, CPU)


@pytest.mark.parametrize("kind", ["up", "absolute", "link", "pipe", "folder", "unknown"])
def test_no_path_of_a_manifest_leads_out_of_the_model(trained: Trained, tmp_path: Path, kind: str) -> None:
    chosen = find_sweetspot(trained.run, ["a", "b", "high"]).chosen("best")
    model = tmp_path / "model"
    assemble(model, trained.run, trained.context, chosen)
    weights, outside = model / "groups" / "b.safetensors", tmp_path / "outside"
    outside.write_bytes(weights.read_bytes())
    if kind in ("up", "absolute"):
        name = "../outside" if kind == "up" else str(outside)
        change(model / "manifest.json", lambda table: table["groups"]["b"]["files"][0].update(file=name))
    elif kind == "unknown":
        (model / "encoder" / "extra.py").write_text("raise SystemExit")
    else:
        weights.unlink()
        if kind == "link":
            weights.symlink_to(outside)
        elif kind == "pipe":
            os.mkfifo(weights)
        else:
            weights.mkdir()
    with pytest.raises(CheckpointError, match=r"no way inside|leads out|no regular file|does not name: encoder/extra"):
        load_model(model, trained.context.nodes, CPU)
    with pytest.raises(CheckpointError):
        chosen_epochs(model, trained.run)
