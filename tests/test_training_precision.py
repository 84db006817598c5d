"""Training in half precision: what has fewer bits, what stays float32, and the promises of islands."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from toy import StopAfter, Toy

from redheart_core import CheckpointError
from redheart_core.config.tables import GroupSettings
from redheart_core.groups.validation import evaluate
from redheart_core.runs.run import RunFolder
from redheart_core.training import notes

HALF = {"a": GroupSettings(precision="bfloat16")}
FilesOf = Callable[[RunFolder, str], dict[str, str]]


def test_products_have_fewer_bits_and_all_that_lasts_is_float32(toy: Toy) -> None:
    seen: list[torch.dtype] = []

    def loss(prediction: torch.Tensor, target: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        seen.append(prediction.dtype)
        return (prediction - target).square()

    context = toy.context([toy.node("a", dropout=0.0, loss=loss)], groups=HALF)
    (group,) = context.groups
    trainer, inner = context.trainer(group), list[torch.dtype]()
    trainer.module.nodes["a"].hidden.register_forward_hook(lambda *given: inner.append(given[-1].dtype))  # type: ignore[union-attr] # a toy
    batch = context.source.batch(context.training_order(group, 1)[0], group.inputs)
    trainer.step(batch, 1, 0)
    assert inner == [torch.bfloat16]
    assert seen == [torch.float32]
    assert {parameter.dtype for parameter in trainer.parameters.values()} == {torch.float32}
    assert {parameter.grad.dtype for parameter in trainer.parameters.values() if parameter.grad is not None} == {
        torch.float32
    }
    assert {tensor.dtype for tensor in trainer.optimizer_tensors().values()} == {torch.float32}
    assert not torch.is_autocast_enabled("cpu")


def test_every_update_reads_the_weights_of_the_one_before(toy: Toy) -> None:
    """Autocast keeps its copies of weights for one pass alone."""
    context = toy.context([toy.node("a", dropout=0.0)], groups={"a": GroupSettings(precision="bfloat16", r_drop=0.0)})
    (group,) = context.groups
    trainer, fresh = context.trainer(group), context.trainer(group)
    for step, rows in enumerate(context.training_order(group, 1)):
        batch = context.source.batch(rows, group.inputs)
        fresh.module.load(trainer.module.parameter_dict())
        expected = fresh.loss(batch)
        assert expected is not None
        assert trainer.step(batch, 1, step) == expected.item()


def test_evaluation_is_that_of_float32(toy: Toy) -> None:
    store = toy.store()
    plain, half = toy.context([toy.node("a")], store), toy.context([toy.node("a")], store, HALF)
    rows = store.rows("validation")
    first, second = (evaluate(one.trainer(one.groups[0]).module, one.source, rows) for one in (plain, half))
    assert torch.equal(first.losses, second.losses)


def test_runs_are_islands_and_resume_to_the_last_bit(toy: Toy, files_of: FilesOf) -> None:
    store = toy.store()
    whole, _ = toy.run("whole", [toy.node("a")], store, groups=HALF)
    plain, _ = toy.run("plain", [toy.node("a")], store)
    with pytest.raises(KeyboardInterrupt):
        toy.run("resumed", [toy.node("a")], store, [StopAfter(2)], HALF)
    resumed, _ = toy.run("resumed", [toy.node("a")], store, groups=HALF)
    nodes = [toy.node("b"), toy.node("a"), toy.node("c", reads=("embedding", "a.value"))]
    beside, _ = toy.run("beside", nodes, store, groups=HALF, interleave="batch")
    alone, _ = toy.run("alone", [toy.node("b")], store)
    assert files_of(whole, "a") == files_of(resumed, "a") == files_of(beside, "a")
    assert files_of(alone, "b") == files_of(beside, "b")
    assert files_of(whole, "a") != files_of(plain, "a")


def test_a_run_goes_on_in_the_precision_that_it_was_begun_with(toy: Toy) -> None:
    store = toy.store()
    toy.run("run", [toy.node("a")], store, groups=HALF)
    with pytest.raises(CheckpointError, match=r"\[groups\.a\] was .*bfloat16"):
        toy.run("run", [toy.node("a")], store)


@pytest.mark.parametrize("has", [True, False])
def test_it_is_said_where_the_processor_lacks_the_instructions(
    toy: Toy, monkeypatch: pytest.MonkeyPatch, has: bool
) -> None:
    monkeypatch.setattr(notes, "has_bfloat16", lambda device: has)
    context = toy.context([toy.node("a"), toy.node("b")], groups=HALF)
    said = [note for note in notes.training_notes(context) if "bfloat16" in note]
    assert [note.partition(":")[0] for note in said] == ([] if has else ["a"])
