"""Losses and norms that are read once per window: the same bits, and faults are found with the weights as before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from toy import Toy

from redheart_core.config.tables import GroupSettings
from redheart_core.runs.run import RunFolder
from redheart_core.training import readings
from redheart_core.training.context import TrainingContext
from redheart_core.training.epochs import train_epoch
from redheart_core.training.group_trainer import GroupTrainer
from redheart_core.training.loss_scale import LossScale
from redheart_core.training.readings import Readings

FilesOf = Callable[[RunFolder, str], dict[str, str]]


def wait_for(window: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read so many updates together, as on a device that runs behind."""

    class Late(Readings):
        def __init__(self, device: torch.device, loss_scale: LossScale | None = None) -> None:
            super().__init__(device, loss_scale)
            self.window = window

    monkeypatch.setattr("redheart_core.training.group_trainer.Readings", Late)


@pytest.mark.parametrize("window", [2, 3, 1000])
@pytest.mark.parametrize("own", [{}, {"ema": 0.9, "r_drop": 0.1, "precision": "bfloat16"}])
def test_runs_have_the_same_files_whatever_the_window(
    window: int, own: dict[str, Any], toy: Toy, files_of: FilesOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, groups = toy.store(), {"a": GroupSettings(**own)}
    nodes = [toy.node("a"), toy.node("b")]
    settings: dict[str, Any] = {"clip_norm": 0.05, "interleave": "batch"}
    at_once, _ = toy.run("at_once", nodes, store, groups=groups, **settings)
    clipped = [entry.gradient["clipped"] for entry in at_once.group("a").read().epochs]
    assert min(clipped) < 1
    assert max(clipped) > 0
    wait_for(window, monkeypatch)
    late, _ = toy.run("late", nodes, store, groups=groups, **settings)
    for name in "ab":
        assert files_of(at_once, name) == files_of(late, name)


def weights_of(trainer: GroupTrainer) -> dict[str, torch.Tensor]:
    state = {f"optimizer.{name}": tensor for name, tensor in trainer.optimizer_tensors().items()}
    return {name: tensor.clone() for name, tensor in {**trainer.module.parameter_dict(), **state}.items()}


def faulty(toy: Toy, **node: Any) -> tuple[TrainingContext, GroupTrainer]:
    context = toy.context([toy.node("a", **node)])
    return context, context.trainer(context.groups[0])


@pytest.mark.parametrize("window", [1, 2, 4, 5, 1000])
def test_a_fault_is_found_with_the_weights_as_before_it(window: int, toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    context, whole = faulty(toy)
    group = context.groups[0]
    for step, rows in enumerate(context.training_order(group, 1)[:4]):
        whole.step(context.source.batch(rows, group.inputs), 1, step)
    wait_for(window, monkeypatch)
    context, trainer = faulty(toy, fault_after=4)
    (result,) = train_epoch(context, [trainer], 1)
    assert str(result.fault) == "the training loss became nan in epoch 1, step 5"
    assert [size for _, size in result.losses] == [16] * 4
    expected, found = weights_of(whole), weights_of(trainer)
    assert expected.keys() == found.keys()
    for name, tensor in expected.items():
        assert torch.equal(tensor, found[name]), name


@pytest.mark.parametrize("window", [1, 3, 1000])
def test_a_gradient_that_is_not_finite_is_named_where_it_was(
    window: int, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_for(window, monkeypatch)
    context, trainer = faulty(toy)
    before = weights_of(trainer)
    trainer.parameters["a.last.weight"].register_hook(lambda gradient: gradient * float("inf"))  # type: ignore[no-untyped-call] # of torch
    (result,) = train_epoch(context, [trainer], 1)
    assert str(result.fault) == "the gradient norm became inf in epoch 1, step 1"
    after = weights_of(trainer)
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())


def test_what_fails_later_in_a_window_does_not_hide_the_fault(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    wait_for(1000, monkeypatch)
    calls = []

    def loss(prediction: torch.Tensor, target: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        calls.append(len(prediction))
        if len(calls) == 7:
            raise ValueError("the seventh")
        return (prediction - target).square()

    context, trainer = faulty(toy, fault_after=5, loss=loss)
    (result,) = train_epoch(context, [trainer], 1)
    assert str(result.fault) == "the training loss became nan in epoch 1, step 6"
    calls.clear()
    context, trainer = faulty(toy, loss=loss)
    (result,) = train_epoch(context, [trainer], 1)
    assert "the seventh" in str(result.fault)
    assert len(result.losses) == 6


class Waits(TorchDispatchMode):  # type: ignore[no-untyped-call] # of torch
    """Counts the operations whose result decides what the processor does next, so that it waits for the device."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # of torch
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += func is torch.ops.aten._local_scalar_dense.default
        return func(*args, **(kwargs or {}))


def test_losses_and_norms_of_a_window_are_read_in_one_go(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    """What remains is one question per step: whether every record has the target."""
    wait_for(readings.WINDOW, monkeypatch)
    context, trainer = faulty(toy)
    group = context.groups[0]
    batches = [context.source.batch(rows, group.inputs) for rows in context.training_order(group, 1)]
    with Waits() as waits:
        for step, batch in enumerate(batches):
            trainer.step(batch, 1, step)
        assert waits.count == len(batches) < readings.WINDOW
        assert trainer.first_fault() is None
        assert waits.count == len(batches)  # tolist is one transfer, which the dispatcher does not see
    assert len(trainer.readings.take_losses()) == len(batches)
