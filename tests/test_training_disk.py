"""The bytes that a training writes, as predicted before its first epoch and as written."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import attrs
import pytest
from residual_toy import ResidualToy
from toy import StopAfter, Toy, hooks

from redheart_core import ActiveNode, CheckpointError
from redheart_core.config.tables import GroupSettings
from redheart_core.data.store import Store
from redheart_core.runs.checkpoint import GroupFolder
from redheart_core.runs.manifest import GroupManifest
from redheart_core.runs.retention import add_references
from redheart_core.runs.run import RunFolder
from redheart_core.training.disk import needed_bytes
from redheart_core.training.loop import train

WIDE = 20_000
needs_torchao = pytest.mark.skipif(find_spec("torchao") is None, reason="needs redheart[lowbit]")
AVERAGE = {"a": GroupSettings(ema=0.9)}
HALF = {"a": GroupSettings(ema=0.9, checkpoint_dtype="bfloat16")}


@attrs.define
class Disk:
    """The most bytes that the groups of a run have held."""

    most: int = 0

    def look(self, run: Path) -> None:
        self.most = max(self.most, held(run))


def held(run: Path) -> int:
    """Bytes in the folders of the groups."""
    return sum(path.stat().st_size for path in (run / "groups").rglob("*") if path.is_file())


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch, quick_disk: None) -> Disk:
    """Looks at every moment before files are removed, when a run holds most."""
    found, remove = Disk(), GroupFolder.remove_retired

    def looking(folder: GroupFolder, manifest: GroupManifest) -> None:
        found.look(folder.run)
        remove(folder, manifest)

    monkeypatch.setattr(GroupFolder, "remove_retired", looking)
    return found


def wide(toy: Toy, name: str, *reads: str) -> ActiveNode:
    return toy.node(name, ("embedding", *reads), width=WIDE)


def close(predicted: int, written: int) -> bool:
    """Within 5 %, and never below."""
    return written <= predicted <= 1.05 * written


@pytest.mark.parametrize(
    ("groups", "bits"),
    [(None, 32), (AVERAGE, 32), (HALF, 32), pytest.param(None, 4, marks=needs_torchao)],
    ids=["plain", "average", "bfloat16", "4-bit"],
)
def test_all_tiers_are_predicted_before_the_first_epoch(
    toy: Toy, disk: Disk, groups: dict[str, GroupSettings] | None, bits: int
) -> None:
    nodes = [wide(toy, "a"), wide(toy, "b", "a.value")]
    context = toy.context(nodes, groups=groups, epochs=2, optimizer_bits=bits)
    run = RunFolder(toy.folder / "run")
    predicted = needed_bytes(run, context, context.groups, copies=False)
    assert train(run, context, hooks()) == {}
    assert close(predicted, disk.most), (predicted, disk.most)
    assert needed_bytes(run, context, context.groups, copies=False) == 0


def test_epoch_zero_and_a_closed_form_are_counted(toy: Toy, disk: Disk) -> None:
    residual = ResidualToy(toy)
    nodes = [residual.line("regret"), residual.deep("a", "regret", width=WIDE)]
    context, run = toy.context(nodes, groups=AVERAGE, epochs=2), RunFolder(toy.folder / "run")
    predicted = needed_bytes(run, context, context.groups, copies=False)
    assert train(run, context, hooks()) == {}
    assert close(predicted, disk.most), (predicted, disk.most)


@pytest.mark.parametrize("groups", [None, AVERAGE, HALF], ids=["plain", "average", "bfloat16"])
def test_with_retention_the_best_and_the_referenced_epochs_stay(
    toy: Toy, disk: Disk, groups: dict[str, GroupSettings] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = property(lambda manifest: sorted(manifest.candidates, key=lambda entry: entry.epoch))
    monkeypatch.setattr(GroupManifest, "ranked", first)
    context = toy.context([wide(toy, "a")], groups=groups, epochs=6, keep_epochs=1)
    run = RunFolder(toy.folder / "run")
    run.path.mkdir()
    add_references(run.path, {"a": (2, 3)})
    predicted = needed_bytes(run, context, context.groups, copies=False)
    assert train(run, context, hooks()) == {}
    assert {entry.epoch for entry in run.group("a").read().epochs} == {1, 2, 3, 6}
    assert close(predicted, disk.most), (predicted, disk.most)


def test_a_resumed_run_needs_what_is_not_there_yet(toy: Toy, disk: Disk) -> None:
    nodes, run = [wide(toy, "a"), wide(toy, "b", "a.value")], RunFolder(toy.folder / "run")
    with pytest.raises(KeyboardInterrupt):
        train(run, toy.context(nodes, epochs=3), hooks(StopAfter(2)))
    context, before = toy.context(nodes, Store.open(toy.folder / "store"), epochs=3), held(run.path)
    predicted = before + needed_bytes(run, context, context.groups, copies=False)
    assert train(run, context, hooks()) == {}
    assert close(predicted, disk.most), (predicted, disk.most)


def test_a_later_tier_that_does_not_fit_is_refused_before_the_first_epoch(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes, run = [toy.node("a"), wide(toy, "b", "a.value")], RunFolder(toy.folder / "run")
    context = toy.context(nodes)
    lower = toy.context(nodes[:1], Store.open(toy.folder / "store"))
    free = needed_bytes(run, lower, lower.groups, copies=True)
    usage: Any = type(shutil.disk_usage(toy.folder))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(free, 0, free))
    with pytest.raises(CheckpointError, match=r"MB for checkpoints, .* MB free; free some"):
        train(run, context, hooks())
    assert not (run.path / "groups").exists()


@pytest.mark.parametrize(("groups", "share"), [(None, 1.0), (HALF, 0.5)], ids=["float32", "bfloat16"])
def test_copies_of_a_model_are_counted(toy: Toy, groups: dict[str, GroupSettings] | None, share: float) -> None:
    context, run = toy.context([wide(toy, "a")], groups=groups), RunFolder(toy.folder / "run")
    size = share * sum(tensor.nbytes for tensor in context.module(context.groups[0]).parameter_dict().values())
    without, more = (needed_bytes(run, context, context.groups, copies=copies) for copies in (False, True))
    assert close(more - without, int(size))
