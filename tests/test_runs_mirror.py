"""A run in an object store: a training that loses its machine at any moment goes on elsewhere, to the same bits."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import attrs
import pytest
from object_store import AtOnce, Killed, ObjectStore
from toy import StopAfter, Toy, group_files, hooks

from redheart.mirroring import Uploads, sending
from redheart_core import ActiveNode
from redheart_core.contract.errors import CheckpointError
from redheart_core.data.store import Store
from redheart_core.runs.event_log import EventLog, read_events
from redheart_core.runs.mirror import RunMirror, pull_run, push_run
from redheart_core.runs.read_status import read_status
from redheart_core.runs.readings import count_reading, read_readings
from redheart_core.runs.run import RunFolder
from redheart_core.storage.parts import ConflictError
from redheart_core.storage.remote import RemoteError
from redheart_core.training.loop import train

NAMES = ("a", "b", "high")


def nodes_of(toy: Toy) -> list[ActiveNode]:
    """Two groups, and one that reads the first."""
    return [toy.node("a"), toy.node("b"), toy.node("high", reads=("a.value", "embedding"))]


@attrs.frozen
class Known:
    """What one process gives without an object store."""

    toy: Toy
    run: RunFolder
    files: dict[str, dict[str, str]]


@attrs.define
class Machine:
    """One process on a machine with a disk of its own, which may be lost."""

    toy: Toy
    prepared: Path
    bucket: ObjectStore
    name: str
    said: list[str] = attrs.field(factory=list)

    @property
    def run(self) -> RunFolder:
        return RunFolder(self.toy.folder / self.name)

    @property
    def mirror(self) -> RunMirror:
        return RunMirror(self.bucket.remote, self.run)

    def store(self) -> Store:
        """The run's own one: fetched, or prepared by the first machine."""
        folder = self.run.path / "store"
        return Store.open(folder if folder.exists() else Path(shutil.copytree(self.prepared, folder)))

    def train(
        self, *listeners: object, only: Sequence[str] | None = None, uploads: Uploads | None = None, epochs: int = 2
    ) -> dict[str, str]:
        """Go on from what the object store has."""
        mirror = self.mirror if uploads is None else uploads.mirror
        mirror.fetch()
        context = self.toy.context(nodes_of(self.toy), self.store(), epochs=epochs, keep_epochs=1)
        for name in NAMES if only is None else only:
            mirror.join(name)
        sender = uploads or Uploads(mirror, self.said.append, AtOnce())
        relay = sender.over(hooks(*listeners, EventLog()))
        return train(self.run, context, relay, only, look=sender.look)


@pytest.fixture
def bucket() -> ObjectStore:
    return ObjectStore()


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Known:
    toy = Toy(tmp_path_factory.mktemp("known"))
    run, store = RunFolder(toy.folder / "run"), toy.store(toy.records(80))
    assert train(run, toy.context(nodes_of(toy), store, epochs=2, keep_epochs=1), hooks()) == {}
    return Known(toy, run, files(run))


@pytest.fixture
def machine(toy: Toy, bucket: ObjectStore, known: Known, quick_disk: None) -> Callable[[str], Machine]:
    return lambda name: Machine(toy, known.toy.folder / "store", bucket, name)


@pytest.fixture
def whole(known: Known) -> dict[str, dict[str, str]]:
    """The files that one process gives without an object store."""
    return known.files


def files(run: RunFolder) -> dict[str, dict[str, str]]:
    return {name: group_files(run, name) for name in NAMES}


def test_what_is_there_in_the_end_is_the_run(
    machine: Callable[[str], Machine], bucket: ObjectStore, whole: dict[str, dict[str, str]]
) -> None:
    assert machine("one").train() == {}
    assert files(machine("one").run) == whole
    moved = pull_run(machine("two").mirror)
    assert files(machine("two").run) == whole
    named = [name for name in bucket.objects if ".safetensors." in name and "/groups/" in name]
    assert len(named) == sum(name.endswith(".safetensors") for group in whole.values() for name in group)
    assert moved.files == sum(len(name.rpartition(".")[2]) == 64 for name in bucket.objects), (
        "each has its SHA-256 in its name"
    )
    assert machine("two").train() == {}
    assert files(machine("two").run) == whole


@pytest.mark.slow
@pytest.mark.parametrize("at", ["run/run.json", "groups/a/epoch-0002", "groups/a.json"])
def test_a_machine_that_is_lost_in_the_middle_of_an_upload_costs_no_bit(
    machine: Callable[[str], Machine],
    bucket: ObjectStore,
    whole: dict[str, dict[str, str]],
    operations: Sequence[str],
    at: str,
) -> None:
    bucket.fail("killed", max(number for number, name in enumerate(operations, 1) if at in name))
    with pytest.raises(Killed):
        machine("lost").train()
    bucket.fail("refused", 0)
    assert machine("next").train() == {}
    assert files(machine("next").run) == whole
    assert files_there(machine("there")) == whole


@pytest.fixture(scope="module")
def operations(known: Known, tmp_path_factory: pytest.TempPathFactory) -> Sequence[str]:
    """What a training without a fault does to an object store."""
    bucket = ObjectStore()
    Machine(Toy(tmp_path_factory.mktemp("count")), known.toy.folder / "store", bucket, "count").train()
    return tuple(bucket.operations)


def files_there(machine: Machine) -> dict[str, dict[str, str]]:
    """What the object store holds."""
    pull_run(machine.mirror)
    return files(machine.run)


def test_an_object_store_that_does_not_answer_for_a_while_costs_nothing(
    machine: Callable[[str], Machine], bucket: ObjectStore, whole: dict[str, dict[str, str]]
) -> None:
    one = machine("one")
    with pytest.raises(KeyboardInterrupt):
        one.train(StopAfter(1))
    bucket.fail("no answer", 3, lasting=3)
    assert one.train() == {}
    assert any("could not be sent, which is tried again after the next epoch" in line for line in one.said)
    assert files_there(machine("two")) == whole


def test_one_that_does_not_answer_in_the_end_is_an_error_that_says_what_sends_the_rest(
    machine: Callable[[str], Machine], bucket: ObjectStore, whole: dict[str, dict[str, str]]
) -> None:
    one = machine("one")
    with pytest.raises(KeyboardInterrupt):
        one.train(StopAfter(1))
    bucket.fail("refused", 1, lasting=1000)
    with pytest.raises(RemoteError, match="cannot be put: TimeoutError") as failed:
        one.train()
    assert failed.value.__notes__ == [f"redheart push {one.run.path} test://bucket/run sends what is left"]
    assert files(one.run) == whole, "the training itself has come to its end"
    bucket.fail("refused", 0)
    push_run(one.mirror)
    assert files_there(machine("two")) == whole


def test_machines_without_a_common_disk_train_different_groups(
    machine: Callable[[str], Machine], bucket: ObjectStore, known: Known
) -> None:
    whole = known.files
    machine("one").train(only=["b"])
    with pytest.raises(CheckpointError, match=r"'a' is after epoch 0 of 2"):
        machine("two").train(only=["high"])
    machine("three").train(only=["a"])
    machine("two").train(only=["high"])
    assert group_files(machine("two").run, "high") == whole["high"]
    assert files_there(machine("four")) == whole
    status = read_status(machine("four").run.path, datetime.now(UTC))
    assert {group.name: (group.status, group.done) for group in status.groups} == dict.fromkeys(NAMES, ("finished", 2))
    assert all(epoch.seconds is not None for group in status.groups for epoch in group.epochs), "logs are joined"
    audits = [(run.path / "audit.json").read_bytes() for run in (machine("four").run, known.run)]
    assert audits[0] == audits[1]


def test_a_second_process_on_the_same_group_is_refused_and_the_one_behind_takes_over(
    machine: Callable[[str], Machine], bucket: ObjectStore, whole: dict[str, dict[str, str]]
) -> None:
    one, mirror = machine("one"), machine("one").mirror
    uploads = Uploads(mirror, one.said.append, AtOnce())
    with pytest.raises(KeyboardInterrupt):
        one.train(StopAfter(1), uploads=uploads)
    machine("two").train()
    context = one.toy.context(nodes_of(one.toy), one.store(), epochs=2, keep_epochs=1)
    with pytest.raises(ConflictError, match=r"another process has written test://bucket/run/groups/[ab].json"):
        train(one.run, context, uploads.over(hooks()))
    assert files_there(machine("three")) == whole
    assert one.train() == {}
    assert files(one.run) == whole


def test_groups_that_have_gone_different_ways_are_refused_and_so_is_another_run(
    machine: Callable[[str], Machine], bucket: ObjectStore
) -> None:
    machine("one").train()
    other = machine("other")
    shutil.copytree(machine("one").run.path, other.run.path)
    folder = other.run.group("a")
    manifest = folder.read()
    changed = tuple(attrs.evolve(entry, sha256="0" * 64) for entry in manifest.epochs)
    folder.write(attrs.evolve(manifest, epochs=changed))
    with pytest.raises(CheckpointError, match=r"group 'a' has gone different ways.*Remove .*groups/a to take over"):
        other.train()
    with pytest.raises(CheckpointError, match=r"(?s)the run in .*longer was begun otherwise.*epochs was 2, is 3"):
        machine("longer").train(epochs=3)


def test_an_interrupted_training_ends_when_what_it_finished_was_sent(
    machine: Callable[[str], Machine], bucket: ObjectStore, whole: dict[str, dict[str, str]]
) -> None:
    one = machine("one")
    with pytest.raises(KeyboardInterrupt), sending(one.mirror, one.said.append) as uploads:
        one.train(StopAfter(3), uploads=uploads)
    pull_run(machine("two").mirror)
    assert files(machine("two").run) == files(one.run)
    two = machine("two")
    with sending(two.mirror, two.said.append) as uploads:
        assert two.train(uploads=uploads) == {}
    assert files_there(machine("three")) == whole


def test_an_epoch_that_a_newer_one_retires_while_it_is_sent_gives_way_to_that(
    machine: Callable[[str], Machine],
    bucket: ObjectStore,
    whole: dict[str, dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one, put = machine("one"), ObjectStore.put_file
    context = one.toy.context(nodes_of(one.toy), one.store(), epochs=2, keep_epochs=1)
    with pytest.raises(KeyboardInterrupt):
        train(one.run, context, hooks(StopAfter(1)))

    def overtaken(store: ObjectStore, lpath: str, rpath: str) -> None:
        if "/groups/a/" in rpath:
            monkeypatch.setattr(ObjectStore, "put_file", put)
            train(one.run, context, hooks())
        put(store, lpath, rpath)

    monkeypatch.setattr(ObjectStore, "put_file", overtaken)
    push_run(one.mirror)
    assert not any("epoch-0001" in name for name in bucket.objects)
    assert files_there(machine("two")) == whole


def test_logs_of_all_machines_are_joined_line_by_line(machine: Callable[[str], Machine], bucket: ObjectStore) -> None:
    machine("one").train(only=["a"])
    count_reading(machine("one").run.path)
    push_run(machine("one").mirror)
    (name,) = (name for name in bucket.store if "/logs/events.jsonl/" in name)
    bucket.store[f"{name}-elsewhere"] = bucket.store.pop(name)  # as the log of another machine
    machine("two").train(only=["b"])
    pull_run(machine("three").mirror)
    lines = read_events(machine("three").run.path / "events.jsonl")
    assert {line.group for line in lines if hasattr(line, "group")} == {"a", "b"}
    assert [line.timestamp for line in lines] == sorted(line.timestamp for line in lines)
    assert len(read_readings(machine("three").run.path)) == 1
    before = (machine("three").run.path / "events.jsonl").read_bytes()
    pull_run(machine("three").mirror)
    assert (machine("three").run.path / "events.jsonl").read_bytes() == before


def test_a_damaged_file_of_a_run_is_fetched_again(
    machine: Callable[[str], Machine], bucket: ObjectStore, whole: dict[str, dict[str, str]]
) -> None:
    machine("one").train()
    folder = machine("one").run.group("a").path
    for file in folder.glob("*.safetensors"):
        file.write_bytes(b"damaged")
    assert pull_run(machine("one").mirror).files == len(whole["a"]) - 1
    assert files(machine("one").run) == whole


def test_the_store_may_be_outside_of_the_run_and_comes_into_its_folder(
    machine: Callable[[str], Machine], bucket: ObjectStore, known: Known
) -> None:
    run = known.run
    push_run(RunMirror(bucket.remote, run))
    assert run.read().data.store == "../store"
    two = machine("two")
    pull_run(two.mirror)
    assert two.run.read() == attrs.evolve(run.read(), data=attrs.evolve(run.read().data, store="store"))
    assert two.train() == {}
    assert files(two.run) == known.files


@pytest.fixture(autouse=True)
def _nothing_is_left_running() -> Iterator[None]:
    yield
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("sending")]
