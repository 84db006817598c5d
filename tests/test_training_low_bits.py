"""Moments of AdamW with 8 and 4 bits: torchao's bits, the size that is planned, and the promises of islands."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any

import attrs
import pytest
import torch
from torch import Tensor
from toy import StopAfter, Toy
from turns import Tight

from redheart_core import ActiveNode, CheckpointError, SettingsError
from redheart_core.config.tables import GroupSettings, TrainSettings
from redheart_core.groups.group import Group
from redheart_core.runs.run import RunFolder
from redheart_core.training.group_trainer import GroupTrainer
from redheart_core.training.low_bits import CHUNK, LowBitAdamW
from redheart_core.training.memory_plan import plan_memory
from redheart_core.training.optimizer_state import create_state
from redheart_core.training.sharding import ShardedTrainer
from redheart_core.training.shelves import MappedFiles
from redheart_core.training.state_codes import _tabulate

FilesOf = Callable[[RunFolder, str], dict[str, str]]
needs_torchao = pytest.mark.skipif(find_spec("torchao") is None, reason="needs redheart[lowbit]")
BITS = [pytest.param(8, marks=needs_torchao), pytest.param(4, marks=needs_torchao)]
LARGE, SMALL = [(64, 64), (2 * CHUNK // 512 + 3, 512)], [(128,), (65, 65)]
"""Shapes with few bits, of one chunk and of several; and of parameters that are too small or no whole blocks."""


def parameters(shapes: list[Any]) -> list[torch.nn.Parameter]:
    stream = torch.Generator().manual_seed(0)
    return [torch.nn.Parameter(torch.randn(shape, generator=stream)) for shape in shapes]


def gradients(shapes: list[Any], update: int) -> list[Tensor]:
    """Of sizes that differ by powers of ten between updates and parameters, with zeros among them."""
    stream = torch.Generator().manual_seed(update + 1)
    drawn = [torch.randn(shape, generator=stream) for shape in shapes]
    return [one.where(one > -1.5, 0.0) * 10.0 ** (place - 2 * (update % 4)) for place, one in enumerate(drawn)]


def group_of(own: list[torch.nn.Parameter]) -> list[dict[str, Any]]:
    return [{"params": own, "weight_decay": 0.1}]


def update_with(optimizer: torch.optim.Optimizer, own: list[torch.nn.Parameter], update: int, scale: float = 1) -> None:
    for parameter, gradient in zip(own, gradients([one.shape for one in own], update), strict=True):
        parameter.grad = gradient * scale
    if isinstance(optimizer, LowBitAdamW):
        create_state(optimizer)
    with torch.compiler.set_stance("force_eager"):  # torchao's compiles its update
        optimizer.step()


@pytest.mark.slow
@pytest.mark.parametrize("bits", BITS)
def test_large_parameters_have_the_bits_of_torchao_and_small_ones_those_of_torch(bits: Any) -> None:
    from torchao.optim import AdamW4bit, AdamW8bit

    large, small, both = parameters(LARGE), parameters(SMALL), parameters(LARGE) + parameters(SMALL)
    ours = LowBitAdamW(group_of(both), 0.01, bits)
    theirs = {8: AdamW8bit, 4: AdamW4bit}[bits](large, lr=0.01, weight_decay=0.1)
    plain = torch.optim.AdamW(group_of(small), lr=0.01, fused=True)
    for update in range(6):
        rate = 0.01 / (1 + update)
        ours.param_groups[0]["lr"] = plain.param_groups[0]["lr"] = rate
        theirs.param_groups[0]["lr"].fill_(rate)
        update_with(theirs, large, update)
        for parameter, gradient in zip(both, gradients(LARGE + SMALL, update), strict=True):
            parameter.grad = gradient
        for parameter, mine in zip(small, both[len(large) :], strict=True):
            parameter.grad = mine.grad
        create_state(ours)
        ours.step()
        plain.step()
    for mine, other in zip(both, [*large, *small], strict=True):
        assert torch.equal(mine, other)
    for mine, other in zip(both, large, strict=False):
        for moment in ("exp_avg", "exp_avg_sq"):
            state = theirs.state[other][moment]
            assert torch.equal(ours.state[mine][f"{moment}.codes"], state.codes)
            assert torch.equal(ours.state[mine][f"{moment}.scale"], state.scale)
    assert all(mine.grad is not None for mine in both)


@pytest.mark.parametrize("bits", BITS)
def test_a_scaled_gradient_is_divided_and_an_overflow_skips_the_update(bits: Any) -> None:
    plain, scaled = parameters(LARGE + SMALL), parameters(LARGE + SMALL)
    first, second = (LowBitAdamW(group_of(own), 0.01, bits) for own in (plain, scaled))
    second.grad_scale, second.found_inf = torch.tensor(1024.0), torch.tensor(0.0)
    for update in range(2):
        update_with(first, plain, update)
        update_with(second, scaled, update, 1024.0)
    assert all(torch.equal(one, other) for one, other in zip(plain, scaled, strict=True))
    before = [one.clone() for one in (*scaled, *(two for one in second.state.values() for two in one.values()))]
    second.found_inf = torch.tensor(1.0)
    update_with(second, scaled, 2, float("inf"))
    after = [*scaled, *(two for one in second.state.values() for two in one.values())]
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))


@needs_torchao
def test_a_rounding_that_the_tables_cannot_say_is_refused() -> None:
    def down(numbers: Tensor, levels: Tensor) -> Tensor:
        return (torch.searchsorted(levels, numbers, right=True) - 1).clamp(0).to(torch.uint8)

    apart, together = torch.linspace(-1, 1, 16), torch.linspace(0.5, 0.5001, 256)
    numbers = torch.linspace(-1, 1, 1001)
    assert torch.equal(_tabulate(apart, down).encode(numbers), down(numbers, apart))
    with pytest.raises(SettingsError, match=r"torchao .* rounds optimizer states in another way than 0\.18"):
        _tabulate(together, down)


def wide(toy: Toy) -> list[ActiveNode]:
    return [toy.node("a", width=512), toy.node("b", width=512)]


@pytest.mark.slow
@pytest.mark.parametrize("bits", BITS)
def test_what_is_planned_is_what_is_saved(bits: Any, toy: Toy) -> None:
    store, count = toy.store(), 512 * 16
    plan = plan_memory(toy.context(wide(toy), store, optimizer_bits=bits))
    planned = {one.name: one.step.optimizer for one in plan.groups}
    assert [one.optimizer_bits for one in plan.groups] == [bits, bits]
    blocks = count // {8: 256, 4: 128}[bits]
    small = 512 + 512 + 1
    assert planned["a"] == 2 * (count * bits // 8 + 4 * blocks + 4 * small) + 4 * 4
    run, _ = toy.run("run", wide(toy), store, epochs=1, optimizer_bits=bits)
    for name, size in planned.items():
        state = run.group(name).optimizer(run.group(name).read().epochs[-1])
        assert sum(tensor.nbytes for tensor in state.values()) == size
    state = run.group("a").optimizer(run.group("a").read().epochs[-1])
    assert {key for key in state if key.endswith("hidden.weight")} == {
        f"{kind}/a.hidden.weight"
        for kind in ("step", "exp_avg.codes", "exp_avg.scale", "exp_avg_sq.codes", "exp_avg_sq.scale")
    }
    assert state["exp_avg.codes/a.hidden.weight"].dtype == torch.uint8
    assert state["exp_avg/a.last.weight"].dtype == torch.float32


@pytest.mark.slow
@needs_torchao
def test_turns_and_saving_in_the_background_change_no_bit(
    toy: Toy, files_of: FilesOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = {"a": GroupSettings(ema=0.8), "b": GroupSettings(optimizer_bits=4)}
    given: dict[str, Any] = {"store": toy.store(), "groups": groups, "epochs": 2, "optimizer_bits": 8}
    given |= {"clip_norm": 0.05, "keep_states": 1}
    resident, _ = toy.run("resident", wide(toy), **given)
    moved, real = set[str](), MappedFiles.put

    def put(self: MappedFiles, group: str, storages: Any) -> None:
        moved.add(group)
        real(self, group, storages)

    monkeypatch.setattr(MappedFiles, "put", put)
    turns, _ = toy.run("turns", wide(toy), plan=Tight(turn_steps=3), background_saving=True, **given)
    assert moved == {"a", "b"}
    assert {name: files_of(turns, name) for name in "ab"} == {name: files_of(resident, name) for name in "ab"}


@needs_torchao
def test_a_run_goes_on_with_the_bits_that_it_was_begun_with(toy: Toy, files_of: FilesOf) -> None:
    store, groups = toy.store(), {"a": GroupSettings(optimizer_bits=4)}
    with pytest.raises(KeyboardInterrupt):
        toy.run("run", wide(toy), store, [StopAfter(1)], groups)
    with pytest.raises(CheckpointError, match=r"\[groups\.a\] was .*optimizer_bits.*4"):
        toy.run("run", wide(toy), store)
    with pytest.raises(CheckpointError, match=r"\[training\] optimizer_bits was 32, is 8"):
        toy.run("run", wide(toy), store, groups=groups, optimizer_bits=8)


@pytest.mark.parametrize("bits", BITS)
def test_the_state_of_another_number_of_bits_is_refused(bits: Any, toy: Toy) -> None:
    store = toy.store()

    def trainer(**changes: Any) -> GroupTrainer:
        context = toy.context(wide(toy), store, **changes)
        group = context.groups[0]
        found = context.trainer(group)
        found.step(context.source.batch(context.training_order(group, 1)[0], group.inputs), 1, 0)
        return found

    few, plain = trainer(optimizer_bits=bits), trainer()
    few.load_optimizer(few.optimizer_tensors())
    with pytest.raises(CheckpointError, match=r"exp_avg: \(512, 16\) float32 expected, got nothing"):
        plain.load_optimizer(few.optimizer_tensors())
    with pytest.raises(CheckpointError, match=r"exp_avg_sq.codes: .* uint8 expected, got nothing"):
        few.load_optimizer(plain.optimizer_tensors())
    lacking = dict(few.optimizer_tensors())
    del lacking["exp_avg.scale/a.hidden.weight"]
    with pytest.raises(CheckpointError, match=r"does not fit 'a.hidden.weight'.*\n.*exp_avg.scale: .*got nothing"):
        few.load_optimizer(lacking)


def test_without_the_library_few_bits_are_refused_before_anything_is_written(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torchao", None)
    with pytest.raises(SettingsError, match=r"optimizer_bits = 8 needs torchao.*pip install 'redheart\[lowbit\]'"):
        toy.run("run", wide(toy), optimizer_bits=8)
    assert not (toy.folder / "run").exists()


@needs_torchao
def test_a_setting_of_a_group_that_changes_nothing_is_refused(toy: Toy) -> None:
    with pytest.raises(SettingsError, match=r"\[groups\.a\] optimizer_bits = 8 has no effect: no parameter .* 4096"):
        toy.run("run", [toy.node("a")], groups={"a": GroupSettings(optimizer_bits=8)})
    run, stopped = toy.run("all", [toy.node("a")], optimizer_bits=8, epochs=1)
    assert not stopped, "of all groups some may be small"
    assert {one.dtype for one in run.group("a").optimizer(run.group("a").read().epochs[-1]).values()} == {torch.float32}


@needs_torchao
def test_pieces_of_weights_are_refused(toy: Toy) -> None:
    own: Mapping[str, GroupSettings] = {"a": GroupSettings(shard="fsdp", optimizer_bits=8)}
    context = toy.context([toy.node("a", width=256)], groups=own)
    group: Group = context.groups[0]
    with pytest.raises(SettingsError, match=r"\[groups\.a\] shard: pieces of weights have no states of 8 bits.*ddp"):
        ShardedTrainer(group, context.surroundings, context.settings, 1, context.device, None)  # type: ignore[arg-type] # refused before


def test_other_numbers_of_bits_are_refused() -> None:
    with pytest.raises(ValueError, match=r"optimizer_bits.*32, 8, 4"):
        TrainSettings(optimizer_bits=16)  # type: ignore[arg-type] # that is what is refused


@needs_torchao
def test_an_agent_goes_on_from_what_was_saved_of_it() -> None:
    from toy_worlds import context

    from redheart_core.agents.episodes import play
    from redheart_core.agents.learning import update_all
    from redheart_core.agents.replay import Replay
    from redheart_multi_agent import redheart_provide_agents

    [spec] = redheart_provide_agents()
    of = context(spec, width=64)
    of = attrs.evolve(of, training=attrs.evolve(of.training, optimizer_bits=8))
    first, second = of.trainers(), of.trainers()
    replay = Replay(of.agents.replay, of.observed(), of.world.actions)
    play(of.world, [1, 2, 3], lambda seen, n: tuple(torch.rand(len(n), 1) - 0.5 for _ in seen), 9, None, replay.add)
    update_all(of, first, replay, 0)
    for one, other in zip(first, second, strict=True):
        assert any(name.startswith("exp_avg.codes/") for name in one.optimizer_tensors())
        other.learner.module.load_state_dict(one.learner.module.state_dict())
        other.load_optimizer({name: tensor.clone() for name, tensor in one.optimizer_tensors().items()})
    for trainers in (first, second):
        update_all(of, trainers, replay, 1)
    for one, other in zip(first, second, strict=True):
        assert all(torch.equal(tensor, other.weights()[name]) for name, tensor in one.weights().items())
