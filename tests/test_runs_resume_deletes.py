"""A resumed training deletes what it wrote itself, and nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

import attrs
import pytest
from toy import Toy

from redheart_core import ActiveNode, CheckpointError
from redheart_core.runs.manifest import GROUP_MANIFEST
from redheart_core.runs.run import RunFolder


def interrupted(toy: Toy) -> tuple[RunFolder, list[ActiveNode]]:
    nodes = [toy.node("a"), toy.node("b", target="choice_factors")]
    run, _ = toy.run("run", nodes, epochs=3)
    folder = run.group("a")
    folder.write(attrs.evolve(folder.read(), status="running"))
    return run, nodes


def test_files_of_users_and_links_stay(toy: Toy, tmp_path: Path) -> None:
    run, nodes = interrupted(toy)
    folder = run.group("a").path
    mine = [folder / name for name in ("notes.txt", "epoch-0099.safetensors", "epoch-0001 (copy).safetensors")]
    for file in mine:
        file.write_bytes(b"mine")
    (tmp_path / "elsewhere").write_bytes(b"mine")
    (folder / "state-0009.safetensors").symlink_to(tmp_path / "elsewhere")
    before = {path.name for path in folder.iterdir()}
    toy.run("run", nodes, epochs=3)
    assert {path.name for path in folder.iterdir()} == before
    assert all(file.read_bytes() == b"mine" for file in mine)


def test_a_retired_name_that_is_a_link_is_left_alone(toy: Toy, tmp_path: Path) -> None:
    run, nodes = interrupted(toy)
    folder = run.group("a")
    (tmp_path / "elsewhere").write_bytes(b"mine")
    (folder.path / "epoch-0077.safetensors").symlink_to(tmp_path / "elsewhere")
    folder.write(attrs.evolve(folder.read(), retired=("epoch-0077.safetensors",)))
    toy.run("run", nodes, epochs=3)
    assert (folder.path / "epoch-0077.safetensors").is_symlink()
    assert (tmp_path / "elsewhere").read_bytes() == b"mine"


def test_a_linked_group_folder_stops_its_group_and_nothing_is_deleted(toy: Toy, tmp_path: Path) -> None:
    run, nodes = interrupted(toy)
    folder, elsewhere = run.group("a").path, tmp_path / "elsewhere"
    shutil.move(folder, elsewhere)
    folder.symlink_to(elsewhere)
    before = {path.name for path in elsewhere.iterdir()}
    _, stopped = toy.run("run", nodes, epochs=3)
    assert list(stopped) == ["a"]
    assert "is a link to" in stopped["a"]
    assert {path.name for path in elsewhere.iterdir()} == before


def test_a_damaged_manifest_stops_its_group_and_the_others_finish(toy: Toy) -> None:
    run, nodes = interrupted(toy)
    file = run.group("a").manifest_file
    file.write_bytes(file.read_bytes().replace(b'"epoch": 2', b'"epoch": 7'))
    changed = file.read_bytes()
    before = {path.name for path in file.parent.iterdir()}
    _, stopped = toy.run("run", nodes, epochs=3)
    assert list(stopped) == ["a"]
    assert "manifest.json is damaged" in stopped["a"]
    assert run.group("b").read().status == "finished"
    assert file.read_bytes() == changed
    assert {path.name for path in file.parent.iterdir()} == before


def test_a_manifest_names_files_of_its_own_kind_alone(toy: Toy) -> None:
    run, _ = interrupted(toy)
    folder = run.group("a")
    manifest = folder.read()
    with pytest.raises(ValueError, match=r"expects a name such as epoch-0007\.safetensors, got '\.\./x'"):
        attrs.evolve(manifest, retired=("../x",))
    GROUP_MANIFEST.write(folder.manifest_file, attrs.evolve(manifest, group="b"))
    with pytest.raises(CheckpointError, match="is of group 'b'"):
        folder.read()
