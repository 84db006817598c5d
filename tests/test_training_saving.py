"""Saving in the background leaves what saving in the foreground leaves, and says that an epoch is done when it is."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path
from typing import Any

import attrs
import pytest
from toy import StopAfter, Toy, group_files, hooks

from redheart_core import ActiveNode, EpochFinished, GroupStopped, hookimpl
from redheart_core.config.tables import GroupSettings
from redheart_core.data.store import Store
from redheart_core.runs.checkpoint import GroupFolder
from redheart_core.runs.manifest import GroupManifest
from redheart_core.runs.run import RunFolder
from redheart_core.storage.files import FileError
from redheart_core.training.group_trainer import GroupTrainer
from redheart_core.training.loop import train
from redheart_core.training.memory_plan import plan_memory

NAMES = ("a", "b", "high")
AVERAGE = {"a": GroupSettings(ema=0.8)}


@attrs.frozen
class Bench:
    """Two groups and one above them."""

    toy: Toy

    def context(self, **changes: Any) -> Any:
        toy = self.toy
        folder = toy.folder / "store"
        store = Store.open(folder) if folder.exists() else toy.store()
        nodes: list[ActiveNode] = [toy.node("a"), toy.node("b"), toy.node("high", reads=("a.value", "embedding"))]
        return toy.context(nodes, store, AVERAGE, **{"epochs": 3, "background_saving": True, **changes})

    def train(self, name: str, *listeners: object, **changes: Any) -> RunFolder:
        run = RunFolder(self.toy.folder / name)
        assert train(run, self.context(**changes), hooks(*listeners)) == {}
        return run


@pytest.fixture
def bench(toy: Toy, quick_disk: None) -> Bench:
    return Bench(toy)


def files(run: RunFolder) -> dict[str, dict[str, str]]:
    return {name: group_files(run, name) for name in NAMES}


class Listener:
    """What is reported, and whether its files were there by then."""

    def __init__(self, run: Path) -> None:
        self.run = run
        self.seen: list[tuple[str, int]] = []
        self.ready: list[bool] = []
        self.threads = set[int]()

    @hookimpl
    def redheart_after_epoch(self, event: EpochFinished) -> None:
        manifest = GroupFolder(self.run, event.group).read()
        self.seen.append((event.group, event.epoch))
        self.ready.append(manifest.epochs[-1].epoch == event.epoch)
        self.threads.add(threading.get_ident())

    @hookimpl
    def redheart_after_group_stopped(self, event: GroupStopped) -> None:
        self.seen.append((event.group, -1))


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{}, {"keep_epochs": 1}, {"interleave": "batch"}], ids=["all", "one", "by batch"])
def test_files_and_the_order_of_events_are_those_of_saving_in_the_foreground(
    bench: Bench, changes: dict[str, Any]
) -> None:
    listeners = [Listener(bench.toy.folder / name) for name in ("fore", "back")]
    fore = bench.train("fore", listeners[0], **changes, background_saving=False)
    back = bench.train("back", listeners[1], **changes)
    assert files(back) == files(fore)
    assert listeners[1].seen == listeners[0].seen
    assert all(listeners[1].ready), "an epoch is reported when its files are there"
    assert listeners[1].threads == {threading.get_ident()}


def test_the_next_epoch_trains_while_one_is_saved_and_only_one_is(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained, under_way, most = threading.Event(), list[str](), list[int]()
    add_epoch, step = GroupFolder.add_epoch, GroupTrainer.step

    def slow(folder: GroupFolder, *saved: Any, **options: Any) -> GroupManifest:
        under_way.append(folder.group)
        most.append(len(under_way))
        if folder.group == "a":
            assert trained.wait(60), "a step of the next group comes before the save has ended"
        done = add_epoch(folder, *saved, **options)
        under_way.remove(folder.group)
        return done

    def stepped(trainer: GroupTrainer, *batch: Any) -> Any:
        if under_way and trainer.group.name == "b":
            trained.set()
        return step(trainer, *batch)

    fore = files(bench.train("fore", background_saving=False))
    monkeypatch.setattr(GroupFolder, "add_epoch", slow)
    monkeypatch.setattr(GroupTrainer, "step", stepped)
    assert files(bench.train("back")) == fore
    assert max(most) == 1


@pytest.mark.parametrize("background", [False, True], ids=["foreground", "background"])
def test_a_disk_that_fails_stops_the_training_with_the_same_error_and_it_goes_on_to_the_same_bits(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, background: bool
) -> None:
    whole = files(bench.train("whole", background_saving=background))
    replace, names = os.replace, list[str]()

    def full(source: Path, target: Path) -> None:
        names.append(Path(target).name)
        if names.count("epoch-0002.safetensors") == 1 and names[-1] == "epoch-0002.safetensors":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(FileError, match=r"cannot write .*epoch-0002.safetensors: No space left.*free some space"):
            bench.train("run", background_saving=background)
    run = RunFolder(bench.toy.folder / "run")
    assert [len(run.group(name).read().epochs) for name in ("a", "b")] == [1, 1]
    assert files(bench.train("run", background_saving=background)) == whole


def test_a_save_that_finds_no_memory_stops_its_group_and_a_resumed_training_goes_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = files(bench.train("whole"))
    add_epoch, run = GroupFolder.add_epoch, RunFolder(bench.toy.folder / "run")

    def refusing(folder: GroupFolder, manifest: GroupManifest, entry: Any, *saved: Any) -> GroupManifest:
        if (folder.group, entry["epoch"]) == ("b", 2):
            raise MemoryError
        return add_epoch(folder, manifest, entry, *saved)

    with monkeypatch.context() as patch:
        patch.setattr(GroupFolder, "add_epoch", refusing)
        listener = Listener(run.path)
        stopped = train(run, bench.context(), hooks(listener))
    assert stopped.keys() == {"b"}
    assert "no memory for the end of epoch 2" in stopped["b"]
    assert ("b", -1) in listener.seen
    assert run.group("b").read().status == "running"
    assert files(bench.train("run")) == whole


@pytest.mark.parametrize("epochs", [1, 4])
def test_an_interrupted_training_ends_when_its_save_has_and_goes_on_to_the_same_bits(bench: Bench, epochs: int) -> None:
    whole = files(bench.train("whole"))
    with pytest.raises(KeyboardInterrupt):
        bench.train("run", StopAfter(epochs))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("saving")]
    assert files(bench.train("run")) == whole


def test_the_plan_knows_the_copy(bench: Bench) -> None:
    plans = [plan_memory(bench.context(background_saving=value)) for value in (False, True)]
    copied = max(group.step.copied for group in plans[1].groups)
    weights = bench.context().trainer(bench.context().groups[0]).module.parameter_dict()
    size = sum(tensor.nbytes for tensor in weights.values())
    assert 5 * size <= copied <= 5.1 * size, "weights, two moments and an average twice"
    assert abs(plans[1].base - plans[0].base - copied) < 20e6, "beside what the process itself has grown by"
