"""Schedules, learning rates per layer, and the optimizer of one group."""

from __future__ import annotations

import math

import pytest
import torch
from toy import Toy

from redheart_core.config.tables import GroupSettings
from redheart_core.storage.runtime import random_stream
from redheart_core.training.optimizer import parameter_rates
from redheart_core.training.schedule import schedule_factor


def test_the_cosine_follows_its_closed_form_in_updates(toy: Toy) -> None:
    settings = toy.settings(warmup_updates=4, final_rate=0.1)
    factors = [schedule_factor(update, 25, settings) for update in range(25)]
    assert factors[:4] == pytest.approx([0.2, 0.4, 0.6, 0.8])
    for update in range(4, 25):
        expected = 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * (update - 4) / 20))
        assert factors[update] == pytest.approx(expected)
    assert factors[4] == 1.0
    assert factors[-1] == pytest.approx(0.1)


def test_the_cosine_agrees_with_torch(toy: Toy) -> None:
    settings = toy.settings(warmup_updates=0, final_rate=0.0)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=19)
    for update in range(20):
        assert schedule_factor(update, 20, settings) == pytest.approx(optimizer.param_groups[0]["lr"], abs=1e-9)
        optimizer.step()
        schedule.step()


def test_restarts_agree_with_torch(toy: Toy) -> None:
    settings = toy.settings(schedule="cosine_restarts", warmup_updates=0, restart_updates=5, final_rate=0.01)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=5, T_mult=2, eta_min=0.01)
    for update in range(40):
        assert schedule_factor(update, 40, settings) == pytest.approx(optimizer.param_groups[0]["lr"], abs=1e-9)
        optimizer.step()
        schedule.step()


def test_declared_layers_decay_from_the_output_back(toy: Toy) -> None:
    node = toy.node("a", layers=("hidden", "last"), learning_rate_scale=2.0)
    context = toy.context([node], groups={"a": GroupSettings(layer_decay=0.5)})
    trainer = context.trainer(context.groups[0])
    rates = parameter_rates(trainer.group, list(trainer.parameters), 0.5)
    assert rates == {"a.hidden.weight": 1.0, "a.hidden.bias": 1.0, "a.last.weight": 2.0, "a.last.bias": 2.0}
    assert trainer.optimizer is not None
    found = {
        (group["scale"], group["weight_decay"], tuple(parameter.shape))
        for group in trainer.optimizer.param_groups
        for parameter in group["params"]
    }
    assert found == {(1.0, 0.01, (8, 16)), (1.0, 0.0, (8,)), (2.0, 0.01, (1, 8)), (2.0, 0.0, (1,))}


def test_a_step_moves_the_weights_as_plain_adamw_does(toy: Toy) -> None:
    context = toy.context([toy.node("a", dropout=0.0)], warmup_updates=0)
    trainer, twin = (context.trainer(context.groups[0]) for _ in range(2))
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in twin.module.parameters() if p.dim() > 1], "weight_decay": 0.01},
            {"params": [p for p in twin.module.parameters() if p.dim() == 1], "weight_decay": 0.0},
        ],
        lr=1e-3,
    )
    for step, rows in enumerate(context.source.training_order(1)):
        batch = context.source.batch(rows)
        trainer.step(batch, 1, step)
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * schedule_factor(step, trainer.total_updates, context.settings)
        optimizer.zero_grad()
        loss = (twin.module(batch)["a.value"] - batch.targets["regret"]).square().mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(twin.module.parameters(), 1.0)
        optimizer.step()
    for mine, theirs in zip(trainer.module.parameters(), twin.module.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-7, rtol=1e-5)


def test_the_loss_weight_of_a_plugin_scales_its_loss(toy: Toy) -> None:
    from redheart_core.groups.validation import evaluate

    losses = []
    for weight in (1.0, 3.0):
        context = toy.context([toy.node("a", loss_weight=weight)])
        module = context.trainer(context.groups[0]).module
        losses.append(evaluate(module, context.source, context.store.rows("validation")).loss)
    assert losses[1] == pytest.approx(3 * losses[0])


def test_a_numbered_layer_prefix_stands_for_each_number_in_order(toy: Toy) -> None:
    context = toy.context([toy.node("a", layers=("in", "encoder.*", "out"))])
    names = [f"a.{layer}.weight" for layer in ("in", *(f"encoder.{number}" for number in range(11)), "out")]
    rates = parameter_rates(context.groups[0], names, 0.5)
    assert [rates[name] for name in names] == [0.5 ** (12 - depth) for depth in range(13)]


def test_the_gradient_of_an_epoch_is_recorded_as_it_was_before_clipping(toy: Toy) -> None:
    context = toy.context([toy.node("a")], toy.store(), clip_norm=0.12)
    (group,) = context.groups
    trainer, twin, norms = context.trainer(group), context.trainer(group), []
    for step, rows in enumerate(context.training_order(group, 1)):
        batch = context.source.batch(rows, group.inputs)
        twin.module.load(trainer.module.parameter_dict())
        twin.module.train()
        with random_stream(twin.device, context.settings.seed, "step", group.name, 1, step):
            loss = twin.loss(batch)
        assert loss is not None
        gradients = torch.autograd.grad(loss, list(twin.parameters.values()))
        norms.append(math.sqrt(sum(float(gradient.double().square().sum()) for gradient in gradients)))
        trainer.step(batch, 1, step)
    clipped = sum(norm > 0.12 for norm in norms) / len(norms)
    assert 0 < clipped < 1
    found = trainer.take_record(1)
    assert found.gradient == pytest.approx({"mean": sum(norms) / len(norms), "max": max(norms), "clipped": clipped})
    assert found.updates == len(norms)
    assert trainer.take_gradient() == {}
