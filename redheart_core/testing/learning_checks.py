"""Checks of how a node learns: gradients, and a loss that falls."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor

from redheart_core.data.batch import Batch
from redheart_core.groups.group_module import CPU, GroupModule
from redheart_core.groups.objective import loss_terms, record_losses, training_loss
from redheart_core.storage.runtime import random_stream
from redheart_core.testing.plugin import NotApplicable, require
from redheart_core.testing.subject import SEED, UPDATES, Subject
from redheart_core.training.audit import audit_group

BATCH = 16
LEARNT = 0.05
"""Share by which the loss on a few records has to fall; they can be overfitted."""


def check_every_parameter_learns(subject: Subject) -> None:
    """Every trainable parameter gets a finite gradient that is not all zero, from its group's own loss."""
    _require_descending(subject)
    trainer = subject.trainer()
    if not any(name.startswith(f"{subject.name}.") for name in trainer.parameters):
        raise NotApplicable("it has no trainable parameters")
    accounts = audit_group(trainer, (subject.batch(rows) for rows in _parts(subject)))
    idle = [
        f"{account.name} ({account.elements} elements): {account.state}"
        for account in accounts
        if account.plugin == subject.name and not account.accounted
    ]
    require(
        subject.plugin,
        not idle,
        "parameters that would never be trained: " + "; ".join(idle) + "; use them in forward and in a loss, or remove "
        "them, or set requires_grad to False",
    )


def check_nothing_outside_learns(subject: Subject) -> None:
    """The gradient of the group's loss reaches the group's registered parameters and nothing else."""
    _require_descending(subject)
    module = subject.module().train()
    batch = subject.batch(range(BATCH))
    inputs = {
        name: tensor.clone().requires_grad_() if tensor.is_floating_point() else tensor
        for name, tensor in batch.inputs.items()
    }
    loss = _loss(module, Batch(inputs, batch.targets))
    if loss is None or not loss.requires_grad:
        raise NotApplicable("it has no loss")
    names = {id(parameter): name for name, parameter in module.named_parameters()}
    foreign = [tuple(leaf.shape) for leaf in leaves_of(loss) if id(leaf) not in names]
    require(
        subject.plugin,
        not foreign,
        f"its loss has gradients for {len(foreign)} tensors that are no parameters of the group, of the shapes "
        f"{', '.join(map(str, foreign))}; register every parameter in the module, and read nothing but the inputs",
    )


def check_loss_falls(subject: Subject) -> None:
    """Trained on a few real records, the node's own loss on them falls."""
    _require_descending(subject)
    trainer = subject.trainer()
    if trainer.optimizer is None or not any(True for _ in loss_terms(trainer.module)):
        raise NotApplicable("it has nothing to train")
    batch = subject.batch(range(BATCH))
    before = own_loss(subject, trainer.module, batch)
    after = before
    for step in range(UPDATES):
        subject.step(trainer, batch, step)
        if step % 10 == 9:
            after = own_loss(subject, trainer.module, batch)
            if after <= before - LEARNT * abs(before) and after < before:
                return
    require(
        subject.plugin,
        False,
        f"its loss on {BATCH} records has to fall by {LEARNT:.0%} within {UPDATES} updates; "
        f"it went from {before:.6g} to {after:.6g}",
    )


def _require_descending(subject: Subject) -> None:
    if subject.group.fitted:
        raise NotApplicable("it is fitted in closed form and descends no gradient")


@torch.no_grad()
def own_loss(subject: Subject, module: GroupModule, batch: Batch) -> float:
    """The node's loss in eval mode, without penalties; that of the whole group if others train the node."""
    module.eval()
    terms = record_losses(module, module(batch), batch)
    alone = subject.name in module.objectives
    return sum(
        float(terms[node.name, number][1].mean()) * term.weight
        for node, number, term in loss_terms(module)
        if len(terms[node.name, number][1]) and (not alone or node.name == subject.name)
    )


def _loss(module: GroupModule, batch: Batch) -> Tensor | None:
    with random_stream(CPU, SEED, "conformance"):
        return training_loss(module, module(batch), batch)


def _parts(subject: Subject) -> list[range]:
    return [range(start, min(start + BATCH, subject.size)) for start in range(0, subject.size, BATCH)]


def leaves_of(loss: Tensor) -> list[Tensor]:
    """All tensors that a backward pass from the loss would give a gradient."""
    leaves, seen, waiting = [], set(), [loss.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if node.name() == "torch::autograd::AccumulateGrad":  # torch does not export its class
            leaves.append(cast(Any, node).variable)
        waiting += [other for other, _ in node.next_functions]
    return leaves
