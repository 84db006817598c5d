"""One epoch of one or several groups: updates and validation. Everything that trains goes through here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import groupby

import attrs
from torch import Tensor

from redheart_core.data.batch import Batch
from redheart_core.groups.group_module import Answering
from redheart_core.groups.validation import SplitResult, evaluate
from redheart_core.training.context import TrainingContext
from redheart_core.training.group_trainer import GroupFault, GroupTrainer, stopping_alone

Turn = Callable[[GroupTrainer], AbstractContextManager[None]]
"""What is entered while a trainer has its turn."""

Step = Callable[[GroupTrainer, Batch, int, int], Tensor | None]
"""An update by a batch of an epoch, with its number."""


def staying(trainer: GroupTrainer) -> AbstractContextManager[None]:
    """The turn of a trainer that is on the device at every moment."""
    return nullcontext()


@attrs.define
class TrainedEpoch:
    """What the updates of an epoch gave for one trainer."""

    losses: list[tuple[float, int]] = attrs.Factory(list)
    """Loss and number of records of each batch that has one of the group's targets."""
    fault: GroupFault | None = None
    """Why the trainer stopped inside the epoch."""
    seconds: float = 0.0
    """Spent on its own updates."""

    def check(self) -> None:
        """Raise the fault, if there is one.

        Raises:
            GroupFault: The trainer stopped inside the epoch.
        """
        if self.fault is not None:
            raise self.fault

    @property
    def loss(self) -> float:
        """Mean over the records."""
        return sum(loss * size for loss, size in self.losses) / sum(size for _, size in self.losses)


def train_epoch(
    context: TrainingContext,
    trainers: Sequence[GroupTrainer],
    epoch: int,
    block: int = 1,
    turn: Turn = staying,
    step: Step = GroupTrainer.step,
) -> list[TrainedEpoch]:
    """The updates of an epoch. A trainer that meets a fault stops there; the others go on.

    Trainers take turns. In its turn a trainer takes some batches one after another, which keeps its weights near.
    Neighbours of the same group share the batches, which are read once. None of this changes a bit of any trainer,
    as an update depends on its own trainer, batch, epoch and step alone.

    Args:
        context: Of all trainers.
        trainers: Of any groups; several of one group, at other settings of the optimizer, stand side by side.
        epoch: From 1.
        block: How many batches a turn takes.
        turn: Entered for each turn of a trainer.
        step: Makes an update.

    Returns:
        One entry per trainer; the gradients of the last update are released.
    """
    results = [TrainedEpoch() for _ in trainers]
    groups = {trainer.group.name: trainer.group for trainer in trainers}
    orders = {name: context.training_order(group, epoch) for name, group in groups.items()}
    pairs = list(zip(trainers, results, strict=True))
    for first in range(0, max(map(len, orders.values()), default=0), block):
        for name, members in groupby(pairs, lambda pair: pair[0].group.name):
            running = [(trainer, result) for trainer, result in members if result.fault is None]
            rows = orders[name][first : first + block] if running else []
            read: Iterable[Batch] = (context.source.batch(part, groups[name].inputs) for part in rows)
            batches = read if len(running) == 1 else list(read)
            for trainer, result in running if rows else ():
                with turn(trainer):
                    _train(trainer, enumerate(batches, first), epoch, result, step)
    for trainer, result in pairs:
        started = time.perf_counter()
        result.fault = result.fault or trainer.first_fault()
        result.losses = trainer.readings.take_losses()
        trainer.module.zero_grad(set_to_none=True)
        result.seconds += time.perf_counter() - started
    return results


def _train(
    trainer: GroupTrainer, batches: Iterable[tuple[int, Batch]], epoch: int, result: TrainedEpoch, take: Step
) -> None:
    """Some updates; the batches are read outside of what concerns the trainer alone."""
    for number, batch in batches:
        started = time.perf_counter()
        try:
            with stopping_alone():
                take(trainer, batch, epoch, number)
        except GroupFault as fault:
            result.fault = trainer.first_fault() or fault
        result.seconds += time.perf_counter() - started
        if result.fault is not None:
            return


def validate_epoch(context: TrainingContext, module: Answering, epoch: int) -> SplitResult:
    """What a group does on the validation records after an epoch.

    Raises:
        GroupFault: The loss is not finite, or a plugin's code fails.
    """
    with stopping_alone():
        result = evaluate(module, context.source, context.store.rows("validation"))
    if not result.finite:
        raise GroupFault(f"the validation loss is {result.loss} after epoch {epoch}")
    return result
