"""Loops over the same modules, batches and optimizer: redheart's and one written by hand."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import attrs
import torch
from torch import Tensor, nn

from redheart_core.contract.tensors import has_any
from redheart_core.data.batch import Batch
from redheart_core.groups.group import Group
from redheart_core.groups.group_module import GroupModule, node_inputs
from redheart_core.groups.objective import find_target, loss_terms
from redheart_core.training.context import TrainingContext
from redheart_core.training.epochs import train_epoch
from redheart_core.training.group_trainer import GroupTrainer
from redheart_core.training.held import Held
from redheart_core.training.schedule import schedule_factor

if TYPE_CHECKING:
    from redheart_core.training.shelves import Shelf


@attrs.frozen(eq=False)
class FewBatches(TrainingContext):
    """A context whose epochs end after some batches."""

    batches: int = 1

    def training_order(self, group: Group, epoch: int) -> list[Tensor]:
        """The first batches of the group's epoch."""
        return super().training_order(group, epoch)[: self.batches]


@attrs.frozen
class Spent:
    """Seconds of a loop."""

    wall: float
    processor: float
    """Of all threads of the process."""


Loop = Callable[[FewBatches, GroupTrainer, int], Spent]
"""Takes the updates of an epoch, counted from 1, with a trainer's modules and optimizer."""


def by_redheart(context: FewBatches, trainer: GroupTrainer, epoch: int) -> Spent:
    """As every training of redheart does.

    Raises:
        GroupFault: A loss or gradient is not finite.
    """
    with Clock(trainer.device) as clock:
        (trained,) = train_epoch(context, [trainer], epoch)
    trained.check()
    trainer.take_record(epoch)
    return clock.spent


def in_turns(shelf: Shelf) -> Loop:
    """As redheart does with a budget of memory: the group comes to the device, and leaves it after these updates."""

    def loop(context: FewBatches, trainer: GroupTrainer, epoch: int) -> Spent:
        trainer.module.zero_grad(set_to_none=True)
        held = Held(trainer)
        held.lay_down(shelf)
        with Clock(trainer.device) as clock:
            held.bring(shelf)
            shelf.wait()
            (trained,) = train_epoch(context, [trainer], epoch)
            trainer.module.zero_grad(set_to_none=True)
            held.lay_down(shelf)
        held.bring(shelf)
        shelf.wait()
        trained.check()
        trainer.take_record(epoch)
        return clock.spent

    return loop


def by_hand(context: FewBatches, trainer: GroupTrainer, epoch: int) -> Spent:
    """As one would write it for this group alone: no checks, no random streams, no account."""
    optimizer, settings = trainer.optimizer, trainer.settings
    assert optimizer is not None
    trainer.module.train()
    losses = []
    with Clock(trainer.device) as clock:
        for step, rows in enumerate(context.training_order(trainer.group, epoch)):
            loss = plain_loss(trainer, context.source.batch(rows, trainer.group.inputs))
            factor = schedule_factor((epoch - 1) * trainer.updates_per_epoch + step, trainer.total_updates, settings)
            for group in optimizer.param_groups:
                group["lr"] = settings.learning_rate * group["scale"] * factor
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(trainer.module.parameters(), settings.clip_norm)
            optimizer.step()
            losses.append(loss.detach())
        torch.stack(losses).tolist()
    return clock.spent


def plain_loss(trainer: GroupTrainer, batch: Batch) -> Tensor:
    """The loss of a group without techniques, computed from its modules and objectives."""
    module = trainer.module
    with torch.autocast(trainer.device.type, torch.bfloat16, enabled=trainer.group.settings.is_on("precision")):
        known = _outputs(module, batch)
    total = torch.zeros((), device=trainer.device)
    for node, _, term in loss_terms(module):
        target, prediction = find_target(module, term.target, known, batch), known[f"{node.name}.{term.output}"]
        rows = has_any(target)
        if not bool(rows.all()):
            target, prediction = target[rows], prediction[rows]
        if len(target):
            losses = term.function(prediction, target, ~target.isnan())
            total = total + term.weight * node.loss_weight * losses.mean()
    for node in module.group.nodes:
        objective = module.objectives.get(node.name)
        if objective is not None and objective.penalty is not None:
            own = {name: known[f"{node.name}.{name}"] for name in module.group.wanted(node)}
            total = total + node.loss_weight * objective.penalty(own)
    return total


def _outputs(module: GroupModule, batch: Batch) -> dict[str, Tensor]:
    known: Mapping[str, Tensor] = batch.inputs
    outputs: dict[str, Tensor] = {}
    for node in module.group.nodes:
        given = module.nodes[node.name](node_inputs(node, {**known, **outputs}))
        own = {f"{node.name}.{name}": tensor.float() for name, tensor in given.items()}
        if node.name in module.residuals:
            own |= module.residuals[node.name]({**known, **outputs}, own)
        outputs |= own
    return outputs


class Clock:
    """Seconds between two moments, by the wall and of the process; a device has finished its work at both."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def __enter__(self) -> Clock:
        self._wait()
        self._wall, self._processor = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self._wait()
        self.spent = Spent(time.perf_counter() - self._wall, time.process_time() - self._processor)

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
