"""Micro-batches: the gradient of a batch in parts, for groups whose loss is a mean over records."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import pytest
import torch
from residual_toy import ResidualToy
from torch import Tensor, nn
from toy import Toy
from turns import Tight

from redheart_core import ActiveNode, SettingsError
from redheart_core.config.tables import GroupSettings
from redheart_core.data.batch import Batch
from redheart_core.groups.objective import term_counts, training_loss
from redheart_core.runs.run import RunFolder
from redheart_core.storage.runtime import random_stream
from redheart_core.training.context import TrainingContext
from redheart_core.training.group_trainer import GroupTrainer

FilesOf = Callable[[RunFolder, str], dict[str, str]]
TOLERANCE = 1e-6
"""Absolute, of gradients of the order of 0.1 in float32."""


def gradients(context: TrainingContext, rows: Tensor, size: int | None) -> tuple[float, dict[str, Tensor]]:
    trainer = context.trainer(context.groups[-1])
    trainer.micro_batch = size
    trainer.module.train()
    loss = trainer.descend(context.source.batch(rows, trainer.group.inputs))
    assert loss is not None
    found = {name: one.grad for name, one in trainer.parameters.items() if one.grad is not None}
    return loss.item(), found


def group_of_two(toy: Toy) -> list[ActiveNode]:
    return [
        toy.node("a", group="g", dropout=0.0),
        toy.node("b", group="g", target="choice_factors", dropout=0.0, loss_weight=0.3),
    ]


@pytest.mark.parametrize("size", [1, 3, 8, 15, 16, 99])
def test_the_gradient_of_the_parts_is_that_of_the_whole(toy: Toy, size: int) -> None:
    sparse = toy.store(toy.records(missing=lambda index, field: field == "regret" and index % 3 > 0))
    context = toy.context(group_of_two(toy), sparse)
    rows = sparse.rows("train")[:16]
    (loss, whole), (sum_of_parts, parts) = gradients(context, rows, None), gradients(context, rows, size)
    assert sum_of_parts == pytest.approx(loss, rel=1e-6)
    assert whole.keys() == parts.keys()
    for name, gradient in whole.items():
        torch.testing.assert_close(parts[name], gradient, rtol=1e-5, atol=TOLERANCE)


def test_counts_are_those_of_the_loss_also_where_a_node_learns_from_another(toy: Toy) -> None:
    makers = ResidualToy(toy)
    context = toy.context([makers.line("regret"), makers.deep("a", "regret", more=("choice_factors",))])
    trainer = context.trainer(context.groups[-1])
    context.add_outputs(context.groups[0], context.fit(context.groups[0]))
    batch = context.source.batch(context.store.rows("train")[:12], trainer.group.inputs)
    outputs, counts = trainer.module.eval()(batch), term_counts(trainer.module, batch)
    assert set(counts.values()) == {12}
    whole, same = training_loss(trainer.module, outputs, batch), training_loss(trainer.module, outputs, batch, counts)
    assert whole is not None
    assert same is not None
    assert same.item() == pytest.approx(whole.item(), rel=1e-6)


@pytest.mark.parametrize("plan", [None, Tight(), Tight(turn_steps=2)])
def test_a_training_in_micro_batches_has_the_same_bits_whatever_the_turns(
    toy: Toy, files_of: FilesOf, plan: Tight | None
) -> None:
    groups = {"a": GroupSettings(micro_batch=5, mixup=0.4)}
    nodes = [toy.node("a", target="choice_factors"), toy.node("b", width=40)]
    first, stopped = toy.run("first", nodes, groups=groups)
    assert not stopped
    second, _ = toy.run("second", nodes, groups=groups, plan=plan)
    assert files_of(first, "a") == files_of(second, "a")


class Normed(nn.Module):
    """A node with BatchNorm."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.last = nn.BatchNorm1d(16), nn.Linear(16, 1)

    def forward(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {"value": torch.sigmoid(self.last(self.norm(inputs["embedding"].mean(1)))).squeeze(-1)}


def among_others(prediction: Tensor, target: Tensor, present: Tensor) -> Tensor:
    """A loss of each record that depends on all."""
    return ((prediction - prediction.mean()) - (target - target.mean())) ** 2


def penalised(node: ActiveNode, penalty: Callable[[Mapping[str, Tensor]], Tensor]) -> ActiveNode:
    made = node.spec.objective
    assert made is not None

    def objective(context: Any) -> Any:
        return attrs.evolve(made(context), penalty=penalty)

    return attrs.evolve(node, spec=attrs.evolve(node.spec, objective=objective))


def spread(outputs: Mapping[str, Tensor]) -> Tensor:
    """A penalty that no mean over parts of a batch equals."""
    return 1.0 / outputs["value"].var()


@pytest.mark.parametrize("size", [1, 3, 8, 15, 16])
def test_a_penalty_of_the_whole_batch_is_the_same_in_parts(toy: Toy, size: int) -> None:
    sparse = toy.store(toy.records(missing=lambda index, field: field == "regret" and index % 3 > 0))
    plain, other = group_of_two(toy)
    context = toy.context([penalised(attrs.evolve(plain, loss_weight=0.7), spread), other], sparse)
    rows = sparse.rows("train")[:16]
    (loss, whole), (sum_of_parts, parts) = gradients(context, rows, None), gradients(context, rows, size)
    assert sum_of_parts == pytest.approx(loss, rel=1e-5)
    _, without = gradients(toy.context([plain, other], sparse), rows, size)
    for name, gradient in whole.items():
        torch.testing.assert_close(parts[name], gradient, rtol=1e-5, atol=1e-5 * gradient.abs().max().item())
    assert any(not torch.allclose(without[name], whole[name], rtol=0.1) for name in whole), "the penalty acts"


@pytest.mark.parametrize("penalty", [lambda outputs: outputs["value"].var() * 0.0, lambda _: torch.zeros(())])
def test_a_penalty_of_zero_changes_no_bit(toy: Toy, penalty: Callable[[Mapping[str, Tensor]], Tensor]) -> None:
    node = toy.node("a", dropout=0.5)
    rows = toy.context([node]).store.rows("train")[:16]
    found = []
    for one in (node, penalised(node, penalty)):
        with random_stream(torch.device("cpu"), "test"):
            found.append(gradients(toy.context([one]), rows, 5))
    (loss, plain), (same, zero) = found
    assert same == loss
    assert all(torch.equal(zero[name], gradient) for name, gradient in plain.items())


def test_both_passes_draw_the_same_dropout(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    context = toy.context([penalised(toy.node("a", dropout=0.5), spread)])
    seen, real = list[Tensor](), GroupTrainer.forward

    def forward(trainer: GroupTrainer, batch: Batch) -> dict[str, Tensor]:
        outputs = real(trainer, batch)
        seen.append(outputs["a.value"].detach())
        return outputs

    monkeypatch.setattr(GroupTrainer, "forward", forward)
    gradients(context, context.store.rows("train")[:16], 6)
    first, second = seen[:3], seen[3:]
    assert [len(one) for one in seen] == [6, 6, 4] * 2
    assert all(torch.equal(one, again) for one, again in zip(first, second, strict=True))


class Counting(nn.Module):
    """A node that counts how often it computes."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(16, 1)
        self.calls: Tensor
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        self.calls += self.training
        return {"value": torch.sigmoid(self.last(inputs["embedding"].mean(1))).squeeze(-1)}


def test_a_module_that_two_passes_would_change_twice_is_refused(toy: Toy) -> None:
    node = penalised(toy.node("a"), spread)
    node = attrs.evolve(node, spec=attrs.evolve(node.spec, build=lambda _: Counting()))
    with pytest.raises(SettingsError, match=r"\[groups.a\] micro_batch: the module changes its buffers"):
        gradients(toy.context([node]), toy.context([node]).store.rows("train")[:16], 5)


@pytest.mark.parametrize("plan", [None, Tight()])
def test_a_training_with_a_penalty_in_parts_has_the_same_bits_whatever_the_turns(
    toy: Toy, files_of: FilesOf, plan: Tight | None
) -> None:
    groups = {"a": GroupSettings(micro_batch=5)}
    nodes = [penalised(toy.node("a"), spread), toy.node("b", width=40)]
    first, stopped = toy.run("first", nodes, groups=groups, epochs=2)
    assert not stopped
    second, _ = toy.run("second", nodes, groups=groups, epochs=2, plan=plan)
    assert files_of(first, "a") == files_of(second, "a")


@pytest.mark.parametrize(
    ("make", "table", "message"),
    [
        (lambda toy: toy.node("a"), {"r_drop": 1.0}, "r_drop is a mean over all numbers of a batch"),
        (lambda toy: toy.node("a", loss=among_others), {}, "depends on those beside it"),
    ],
)
def test_what_is_no_mean_over_records_is_refused(
    toy: Toy, make: Callable[[Toy], ActiveNode], table: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError, match=rf"\[groups.a\] micro_batch: .*{message}"):
        toy.run("run", [make(toy)], groups={"a": GroupSettings(micro_batch=4, **table)})


def test_batch_norm_is_refused(toy: Toy) -> None:
    node = toy.node("a")
    node = attrs.evolve(node, spec=attrs.evolve(node.spec, build=lambda _: Normed()))
    with pytest.raises(SettingsError, match="normalises by the statistics of a whole batch"):
        toy.run("run", [node], groups={"a": GroupSettings(micro_batch=4)})


def test_a_step_in_micro_batches_takes_less_memory(toy: Toy) -> None:
    from redheart_core.training.memory_plan import plan_memory

    nodes = [toy.node("a", width=2000)]
    whole, parts = (
        plan_memory(toy.context(nodes, groups={"a": GroupSettings(micro_batch=size)}, batch_size=64)).groups[0].step
        for size in (None, 4)
    )
    assert parts.working < 0.6 * whole.working
    assert (parts.weights, parts.gradients, parts.optimizer) == (whole.weights, whole.gradients, whole.optimizer)
