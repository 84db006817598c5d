"""Scaled float16, recomputed layers and compiled modules: the promises of islands, and what each is for."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import attrs
import pytest
import torch
from toy import Toy
from turns import Tight, moved_files

from redheart_core import SettingsError
from redheart_core.config.tables import GroupSettings
from redheart_core.data.batch import Batch
from redheart_core.runs.run import RunFolder
from redheart_core.training import recompute
from redheart_core.training.context import TrainingContext
from redheart_core.training.epochs import train_epoch
from redheart_core.training.group_trainer import GroupTrainer
from redheart_core.training.loss_scale import FIRST, GROWTH_UPDATES, LossScale
from redheart_core.training.shelves import MappedFiles
from redheart_core.training.step_memory import measure_step

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # of torch's compiler, when imported
FilesOf = Callable[[RunFolder, str], dict[str, str]]
needs_torchao = pytest.mark.skipif(find_spec("torchao") is None, reason="needs redheart[lowbit]")
KINDS = [
    pytest.param({"precision": "bfloat16"}, id="bfloat16"),
    pytest.param({"precision": "float16"}, id="float16"),
    pytest.param({"recompute": True}, id="recompute"),
    pytest.param({"recompute": True, "precision": "bfloat16", "ema": 0.9, "micro_batch": 8}, id="together"),
    pytest.param({"optimizer_bits": 8, "ema": 0.9, "micro_batch": 8}, id="8-bit", marks=needs_torchao),
    pytest.param({"optimizer_bits": 4, "precision": "float16"}, id="4-bit", marks=needs_torchao),
    pytest.param({"compile": True}, id="compile", marks=pytest.mark.thorough),
    pytest.param({"compile": True, "precision": "bfloat16"}, id="compile-bfloat16", marks=pytest.mark.thorough),
]


@pytest.fixture(autouse=True)
def float16_on_the_cpu(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """The processor computes float16 slowly and is refused for it; its arithmetic is that of the scale."""
    if "refused" not in request.node.name:
        monkeypatch.setattr("redheart_core.training.context.check_device", lambda *_: None)


def stop_inside(monkeypatch: pytest.MonkeyPatch, updates: int) -> None:
    """Interrupt the process, as Ctrl-C does, before an update of which so many were made."""
    step, made = GroupTrainer.step, [0]

    def counted(trainer: GroupTrainer, *given: Any) -> torch.Tensor | None:
        made[0] += 1
        if made[0] > updates:
            raise KeyboardInterrupt
        return step(trainer, *given)

    monkeypatch.setattr(GroupTrainer, "step", counted)


@pytest.mark.parametrize("own", KINDS)
def test_runs_are_islands_and_resume_in_the_middle_of_an_epoch(
    own: dict[str, Any], toy: Toy, files_of: FilesOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, groups = toy.store(), {"a": GroupSettings(**own)}
    nodes = [toy.node("a", layers=("hidden", "last"), width=256)]
    whole, stopped = toy.run("whole", nodes, store, groups=groups)
    assert not stopped
    with monkeypatch.context() as patch:
        stop_inside(patch, 17)  # in the third of four epochs of seven updates
        with pytest.raises(KeyboardInterrupt):
            toy.run("resumed", nodes, store, groups=groups)
    assert [entry.epoch for entry in RunFolder(toy.folder / "resumed").group("a").read().epochs] == [1, 2]
    torch.compiler.reset()  # another process has compiled nothing
    resumed, _ = toy.run("resumed", nodes, store, groups=groups)
    beside, _ = toy.run("beside", [*nodes, toy.node("b")], store, groups=groups, interleave="batch")
    alone, _ = toy.run("alone", [toy.node("b")], store)
    assert files_of(whole, "a") == files_of(resumed, "a") == files_of(beside, "a")
    assert files_of(alone, "b") == files_of(beside, "b")


@pytest.mark.parametrize(
    ("own", "training"),
    [
        pytest.param({"precision": "float16"}, {}, id="float16"),
        pytest.param({"recompute": True, "micro_batch": 8}, {}, id="recompute"),
        pytest.param({}, {"schedule": "cosine_restarts", "restart_updates": 5}, id="cosine_restarts"),
        pytest.param({"compile": True}, {}, id="compile", marks=pytest.mark.thorough),
    ],
)
def test_groups_that_take_turns_in_the_middle_of_an_epoch_have_the_same_bits(
    own: dict[str, Any], training: dict[str, Any], toy: Toy, files_of: FilesOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes = [toy.node(name, layers=("hidden", "last"), width=64) for name in "ab"]
    groups = {name: GroupSettings(**own) for name in "ab"}
    resident, _ = toy.run("resident", nodes, groups=groups, epochs=2, **training)
    moved = list[str]()
    monkeypatch.setattr(MappedFiles, "put", moved_files(moved))
    turns, stopped = toy.run("turns", nodes, groups=groups, plan=Tight(turn_steps=3), epochs=2, **training)
    assert not stopped
    assert min(moved.count(name) for name in "ab") >= 2 * 2, "they left in the middle of each epoch"
    assert [files_of(turns, name) for name in "ab"] == [files_of(resident, name) for name in "ab"]


def pair(toy: Toy, **own: Any) -> tuple[TrainingContext, GroupTrainer, Batch]:
    context = toy.context([toy.node("a", layers=("hidden", "last"))], groups={"a": GroupSettings(**own)})
    group = context.groups[0]
    return context, context.trainer(group), context.source.batch(context.training_order(group, 1)[0], group.inputs)


def test_recomputing_changes_no_bit_though_dropout_is_random(toy: Toy, files_of: FilesOf) -> None:
    store, nodes = toy.store(), [toy.node("a", layers=("hidden", "dropout", "last"), dropout=0.5)]
    plain, _ = toy.run("plain", nodes, store)
    twice, _ = toy.run("twice", nodes, store, groups={"a": GroupSettings(recompute=True)})
    whole, _ = toy.run("whole", [toy.node("a", dropout=0.5)], store, groups={"a": GroupSettings(recompute=True)})
    assert files_of(plain, "a") == files_of(twice, "a") == files_of(whole, "a")


def test_layers_are_computed_twice_in_an_update_and_once_in_an_answer(toy: Toy) -> None:
    calls: list[bool] = []

    class Counted(torch.nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            calls.append(self.training)
            return super().forward(x)

    _, trainer, batch = pair(toy)
    node = trainer.module.nodes["a"]
    node.hidden = Counted(16, 8)
    recompute.recompute_layers(node, ["hidden"])
    loss = trainer.loss(batch)
    assert loss is not None
    assert calls == [True]
    loss.backward()  # type: ignore[no-untyped-call]
    assert calls == [True, True]
    trainer.module.eval()
    trainer.module(batch)
    assert calls == [True, True, False]


def test_recomputing_takes_less_memory_where_layers_hold_much(toy: Toy) -> None:
    class Deep(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inside = torch.nn.Sequential(*(torch.nn.Tanh() for _ in range(20)), torch.nn.Linear(400, 400))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            found: torch.Tensor = self.inside(x)
            return found

    working = []
    for own in ({}, {"recompute": True}):
        context = toy.context([toy.node("a", width=400)], groups={"a": GroupSettings(**own)})  # type: ignore[arg-type] # a key of the table
        trainer = context.trainer(context.groups[0])
        node = trainer.module.nodes["a"]
        node.dropout = torch.nn.Sequential(*(Deep() for _ in range(6)))
        if own:
            recompute.recompute_layers(node.dropout, [str(number) for number in range(6)])
        rows = torch.arange(16).repeat(16)
        batch = context.source.batch(rows, context.groups[0].inputs)
        working.append(measure_step(trainer, batch).working)
    assert working[1] < working[0] / 2


def test_a_gradient_that_overflows_costs_an_update_and_halves_the_scale(toy: Toy) -> None:
    context, trainer, _ = pair(toy, precision="float16")
    factor = [float("inf"), 1.0]
    trainer.parameters["a.last.weight"].register_hook(lambda gradient: gradient * factor[0])  # type: ignore[no-untyped-call] # of torch
    before = {name: tensor.clone() for name, tensor in trainer.module.parameter_dict().items()}
    (result,) = train_epoch(context, [trainer], 1)
    assert result.fault is None
    assert all(torch.equal(tensor, before[name]) for name, tensor in trainer.module.parameter_dict().items())
    updates = trainer.updates_per_epoch
    assert trainer.optimizer_tensors()["loss_scale"].item() == FIRST / 2**updates
    factor[0] = 1.0
    train_epoch(context, [trainer], 2)
    record = trainer.take_record(2)
    assert record.gradient["skipped"] == 1.0  # as many as were made
    assert record.gradient["max"] < 10
    assert not torch.equal(trainer.module.parameter_dict()["a.last.weight"], before["a.last.weight"])
    factor[0] = float("inf")
    faults = [train_epoch(context, [trainer], epoch)[0].fault for epoch in range(3, 9)]
    assert "float16 cannot hold the gradient" in str(next(fault for fault in faults if fault is not None))


def test_a_scaled_update_is_that_of_the_unscaled_loss(toy: Toy) -> None:
    """In float32 inside, so that the scale alone differs; clipped, and with a window of updates."""
    context, scaled, _ = pair(toy, precision="float16")
    _, plain, _ = pair(toy)
    scaled.precision = torch.float32
    for trainer in (scaled, plain):
        trainer.settings = attrs.evolve(trainer.settings, clip_norm=0.05)
        (result,) = train_epoch(context, [trainer], 1)
        assert result.fault is None
    for name, tensor in plain.module.parameter_dict().items():
        torch.testing.assert_close(scaled.module.parameter_dict()[name], tensor, rtol=1e-4, atol=1e-6)
    assert scaled.take_gradient()["clipped"] == plain.take_gradient()["clipped"] > 0


def test_the_scale_doubles_after_long() -> None:
    scale, one = LossScale(torch.device("cpu")), torch.ones(())
    assert [scale.update(one).item() for _ in range(GROWTH_UPDATES)] == [0.0] * GROWTH_UPDATES
    assert scale.scale.item() == 2 * FIRST
    assert scale.update(one / 0).item() == 1.0
    assert scale.scale.item() == FIRST
    other = LossScale(torch.device("cpu"))
    other.load(dict(scale.tensors()))
    assert (other.scale.item(), other.clean.item()) == (FIRST, 0)


def test_float16_on_the_processor_is_refused_before_anything_is_trained(toy: Toy) -> None:
    with pytest.raises(SettingsError, match=r'\[groups\.a\] precision = "float16" trains on CUDA alone.*"bfloat16"'):
        toy.run("run", [toy.node("a")], groups={"a": GroupSettings(precision="float16")})
    assert not (toy.folder / "run").exists()


@pytest.mark.slow
def test_without_a_compiler_compiling_is_refused(toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "nothing compiled yet"))
    torch.compiler.reset()
    with (
        torch._inductor.config.patch({"cpp.cxx": (None, "/no/compiler")}),
        pytest.raises(
            SettingsError, match=r"\[groups\.a\] compile = true: PyTorch cannot compile on device 'cpu'.*g\+\+"
        ),
    ):
        toy.run("run", [toy.node("a")], groups={"a": GroupSettings(compile=True)})
    torch.compiler.reset()


@pytest.mark.slow
def test_compiled_updates_agree_with_uncompiled_ones_up_to_rounding(toy: Toy) -> None:
    _, plain, batch = pair(toy)
    _, compiled, _ = pair(toy, compile=True)
    for trainer in (plain, compiled):
        trainer.module.nodes["a"].dropout.p = 0.0  # type: ignore[union-attr] # a toy
        trainer.step(batch, 1, 0)
    for name, parameter in plain.parameters.items():
        torch.testing.assert_close(compiled.parameters[name].grad, parameter.grad, rtol=1e-4, atol=1e-6)
    assert compiled.module.learning
    compiled.module.load(plain.module.parameter_dict())
    for trainer in (plain, compiled):
        trainer.module.eval()
    with torch.no_grad():
        first, second = plain.module(batch), compiled.module(batch)
    assert all(torch.equal(first[name], second[name]) for name in first)
