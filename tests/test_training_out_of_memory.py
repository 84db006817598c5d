"""Steps that find no memory: each rung of the ladder, by an allocator that refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import attrs
import pytest
import torch
from refusing_allocator import RefusingAllocator, refusing
from torch import Tensor, nn
from torch.utils._python_dispatch import _disable_current_modes
from toy import StopAfter, Toy
from turns import ENOUGH

from redheart_core import ActiveNode, PluginError
from redheart_core.config.tables import GroupSettings
from redheart_core.data.batch import Batch
from redheart_core.runs.run import RunFolder
from redheart_core.training import out_of_memory
from redheart_core.training.budget import Budget
from redheart_core.training.group_trainer import GroupTrainer
from redheart_core.training.held import held_tensors
from redheart_core.training.memory_plan import GroupMemory, MemoryPlan
from redheart_core.training.out_of_memory import Ladder, MemoryFault, is_out_of_memory, no_memory
from redheart_core.training.peaks import ProcessMemory
from redheart_core.training.progress import GroupProgress
from redheart_core.training.residency import AllResident, Residency, TakingTurns
from redheart_core.training.shelves import MappedFiles, Storages
from redheart_core.training.step_memory import StepMemory
from redheart_core.training.turns import plan_turns

FilesOf = Callable[[RunFolder, str], dict[str, str]]
CPU = torch.device("cpu")
PLENTY = 10**12


@attrs.define(eq=False)
class Climber:
    """A group on a ladder, with a batch."""

    progress: GroupProgress
    ladder: Ladder
    batch: Batch

    @classmethod
    def of(cls, toy: Toy, nodes: list[ActiveNode], residency: Residency | None = None) -> Climber:
        context = toy.context(nodes, batch_size=64)
        group = context.groups[0]
        folder = RunFolder(toy.folder / "run").group(group.name)
        progress = GroupProgress(context.trainer(group), folder, folder.read())
        ladder = Ladder(residency or AllResident(0), CPU)
        ladder.begin(progress)
        return cls(progress, ladder, context.source.batch(context.store.rows("train")[:64], group.inputs))

    def step(self) -> Tensor | None:
        return self.ladder.step(self.progress.trainer, self.batch, 1, 0)

    def needed(self, size: int | None) -> int:
        """What a step holds at most, on another trainer of the kind."""
        trainer = self.progress.trainer
        trainer.micro_batch = size
        with refusing(PLENTY) as allocator:
            trainer.descend(self.batch)
        trainer.module.zero_grad(set_to_none=True)
        trainer.micro_batch = None
        return allocator.most

    @property
    def weights(self) -> dict[str, Tensor]:
        return {name: tensor.clone() for name, tensor in self.progress.trainer.module.parameter_dict().items()}


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return all(torch.equal(tensor, second[name]) for name, tensor in first.items())


def two_wide_nodes(toy: Toy) -> list[ActiveNode]:
    """In a group that computes no batch in parts, as one of them says that it normalises by a whole batch."""
    node = toy.node("a", group="g", width=3000)
    build: Any = node.spec.build

    def undivided(context: Any) -> nn.Module:
        module: nn.Module = build(context)
        module.norm = nn.BatchNorm1d(1, affine=False, track_running_stats=False)
        return module

    node = attrs.evolve(node, spec=attrs.evolve(node.spec, build=undivided))
    return [node, toy.node("b", group="g", width=3000)]


def test_what_says_that_memory_is_short_is_known_from_what_does_not() -> None:
    with pytest.raises(RuntimeError) as refused:
        torch.empty(2**50, dtype=torch.uint8)
    assert is_out_of_memory(refused.value), "as PyTorch says it on the CPU"
    wrapped = PluginError("plugin 'a' failed in forward")
    wrapped.__cause__ = torch.OutOfMemoryError("no")
    assert is_out_of_memory(wrapped)
    assert is_out_of_memory(MemoryError())
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not is_out_of_memory(PluginError("no"))


def test_other_errors_pass(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("another")

    climber = Climber.of(toy, [toy.node("a")])
    monkeypatch.setattr(GroupTrainer, "step", broken)
    with pytest.raises(RuntimeError, match="another"):
        climber.step()


def test_first_the_caches_are_cleared_which_changes_no_bit(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, short = Climber.of(toy, [toy.node("a")]), Climber.of(toy, [toy.node("a")])
    plain.step()
    with refusing(10) as allocator:
        monkeypatch.setattr(out_of_memory, "release_memory", lambda _: setattr(allocator, "limit", PLENTY))
        short.step()
    assert allocator.refusals == 1
    assert same(plain.weights, short.weights)
    assert not short.progress.manifest.halved


def test_then_the_micro_batch_is_halved_until_it_fits_and_written_down(toy: Toy) -> None:
    climber = Climber.of(toy, [toy.node("a", width=3000, dropout=0.0)])
    whole, quarter = climber.needed(None), climber.needed(16)
    assert quarter < 0.7 * whole
    with refusing((whole + quarter) // 2) as allocator:
        climber.step()
    assert allocator.most < whole
    assert climber.progress.trainer.micro_batch in (16, 32)
    sizes = [size for _, _, size in climber.progress.folder.read().halved]
    assert sizes == [32, 16][: len(sizes)] != []


def test_then_activations_are_computed_twice_with_the_same_bits(toy: Toy) -> None:
    plain, short = (Climber.of(toy, two_wide_nodes(toy)) for _ in range(2))
    whole = plain.needed(None)
    plain.step()
    with refusing(int(0.9 * whole)) as allocator:
        short.step()
    assert short.progress.trainer.recomputes
    assert allocator.refusals == 2, "once at first, once with cleared caches"
    assert same(plain.weights, short.weights)


class Company(AllResident):
    """Others whose leaving gives an allocator more."""

    def __init__(self) -> None:
        super().__init__(0)
        self.allocator: RefusingAllocator | None = None

    def leave_alone(self, trainer: GroupTrainer) -> bool:
        assert self.allocator is not None
        self.allocator.limit = PLENTY
        return True


def test_then_the_others_leave(toy: Toy) -> None:
    company = Company()
    plain, short = Climber.of(toy, two_wide_nodes(toy)), Climber.of(toy, two_wide_nodes(toy), company)
    plain.step()
    with refusing(10) as allocator:
        company.allocator = allocator
        short.step()
    assert allocator.refusals == 3
    assert same(plain.weights, short.weights)


@contextmanager
def uncounted_files() -> Iterator[None]:
    """A file that is mapped into memory is none of what an allocator gives."""
    real = MappedFiles.put

    def put(self: MappedFiles, group: str, storages: Storages) -> None:
        with _disable_current_modes():
            real(self, group, storages)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MappedFiles, "put", put)
        yield


def test_groups_that_take_turns_leave_a_device_that_refuses(toy: Toy) -> None:
    """Within a budget that says that there is room for both, while the allocator has less."""
    nodes = [*two_wide_nodes(toy), toy.node("other", width=60_000, dropout=0.0)]
    plain = Climber.of(toy, nodes)
    needed = plain.needed(None)
    plain.step()
    context = toy.context(nodes, batch_size=64)
    short, other = context.groups
    step = StepMemory(weights=10, gradients=0, optimizer=0, working=10, after=0, seconds=1.0)
    memory = MemoryPlan("cpu", tuple(GroupMemory(group.name, 0, 64, 8, step) for group in (short, other)))
    turns = TakingTurns(plan_turns(memory, Budget(ENOUGH)), shelf := MappedFiles(toy.folder / "idle"), ProcessMemory())
    turns.begin(0)
    with refusing(PLENTY) as allocator, uncounted_files():
        climber = Climber.of(toy, nodes, turns)
        beside = context.trainer(other)
        for trainer in (climber.progress.trainer, beside):
            turns.add(trainer)
        turns.order([short.name, other.name])
        batch = context.source.batch(context.store.rows("train")[:64], other.inputs)
        with turns.turn(beside):
            beside.step(batch, 1, 0)
        state = sum(tensor.nbytes for tensor in held_tensors(beside))
        assert state > needed, "its leaving is enough for the step"
        before = [tensor.clone() for tensor in held_tensors(beside)]
        allocator.limit = allocator.held + 10
        with turns.turn(climber.progress.trainer):
            climber.step()
        assert allocator.refusals == 3, "once at first, once with cleared caches, once with activations computed twice"
        assert turns.moved >= state
        assert all(torch.equal(now, then) for now, then in zip(held_tensors(beside), before, strict=True))
        allocator.limit = PLENTY
        with turns.turn(beside):
            beside.step(batch, 1, 1)
    shelf.close()
    assert same(plain.weights, climber.weights)
    resident = context.trainer(other)
    for number in range(2):
        resident.step(batch, 1, number)
    assert same(resident.module.parameter_dict(), beside.module.parameter_dict())
    for name, tensor in resident.optimizer_tensors().items():
        assert torch.equal(beside.optimizer_tensors()[name], tensor)


def test_at_last_the_group_stops_with_its_weights_as_they_were(toy: Toy) -> None:
    climber = Climber.of(toy, [toy.node("a")])
    before = climber.weights
    with refusing(10), pytest.raises(MemoryFault) as stop:
        climber.step()
    assert "cleared caches, 32 records at a time, 16" in str(stop.value)
    assert "1 records at a time, activations computed twice)" in str(stop.value)
    assert same(before, climber.weights)
    assert not climber.progress.manifest.halved, "it did not help, so it is taken back"
    climber.step()


@contextmanager
def short_of_memory(group: str, size: int, epoch: int, step: int) -> Iterator[None]:
    """From an update on, a group has no memory for more than so many records at a time."""
    real = GroupTrainer.step

    def refused(self: GroupTrainer, batch: Batch, now: int, number: int) -> Tensor | None:
        if self.group.name == group and (now, number) >= (epoch, step) and (self.micro_batch or batch.size) > size:
            raise torch.OutOfMemoryError("refused")
        return real(self, batch, now, number)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(GroupTrainer, "step", refused)
        yield


def test_a_resumed_training_halves_where_the_first_one_did(toy: Toy, files_of: FilesOf) -> None:
    nodes, store = [toy.node("a"), toy.node("b")], toy.store()
    with short_of_memory("a", 4, 2, 3):
        whole, stopped = toy.run("whole", nodes, store)
        assert not stopped
        with pytest.raises(KeyboardInterrupt):
            toy.run("parts", nodes, store, listeners=[StopAfter(5)])
    parts, _ = toy.run("parts", nodes, store)
    assert whole.group("a").read().halved[-1] == (2, 3, 4)
    assert files_of(parts, "a") == files_of(whole, "a")
    plain, _ = toy.run("plain", nodes, store)
    assert files_of(plain, "b") == files_of(whole, "b")
    assert plain.group("a").read().epochs[0] == whole.group("a").read().epochs[0]


def test_a_group_without_memory_stops_alone_and_goes_on_when_there_is_some(toy: Toy, files_of: FilesOf) -> None:
    nodes, store = [toy.node("a"), toy.node("b")], toy.store()
    plain, _ = toy.run("plain", nodes, store)
    with short_of_memory("a", 0, 2, 3):
        run, stopped = toy.run("run", nodes, store)
    assert list(stopped) == ["a"]
    assert "no memory for step 4 of epoch 2" in stopped["a"]
    assert run.group("a").read().status == "running"
    assert run.group("b").read().status == "finished"
    _, stopped = toy.run("run", nodes, store)
    assert not stopped
    assert {name: files_of(run, name) for name in "ab"} == {name: files_of(plain, name) for name in "ab"}


def test_memory_that_is_short_at_the_end_of_an_epoch_stops_the_group_alone(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    from redheart_core.training import epochs, finished_epoch

    real = epochs.validate_epoch

    def refused(context: object, module: object, epoch: int) -> object:
        if epoch == 2:
            raise torch.OutOfMemoryError("refused")
        return real(context, module, epoch)  # type: ignore[arg-type] # handed on

    monkeypatch.setattr(finished_epoch, "validate_epoch", refused)
    run, stopped = toy.run("run", [toy.node("a")], groups={"a": GroupSettings(epochs=3)})
    assert "no memory for the end of epoch 2" in stopped["a"]
    assert run.group("a").read().status == "running"


def test_an_error_that_says_nothing_is_named() -> None:
    assert no_memory(MemoryError(), "the end of epoch 2").startswith("no memory for the end of epoch 2: MemoryError (")
