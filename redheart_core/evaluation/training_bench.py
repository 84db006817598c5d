"""What a training costs beside a hand-written loop: time and peak memory over the same modules and batches."""

from __future__ import annotations

import gc
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs
import numpy as np
import torch
from scipy import stats

from redheart_core.evaluation.lightning_loop import by_lightning, has_lightning
from redheart_core.evaluation.training_loops import FewBatches, Loop, Spent, by_hand, by_redheart, in_turns
from redheart_core.exact.interval import Interval
from redheart_core.storage.runtime import random_stream
from redheart_core.training.context import TrainingContext
from redheart_core.training.group_trainer import GroupTrainer
from redheart_core.training.shelves import Cuda, MappedFiles, PinnedMemory, Shelf
from redheart_core.training.step_memory import bytes_of, most_allocated

BY_HAND, TURNS = "by hand", "in turns"
MEMORY_BATCHES = 2
"""Traced for the peak of memory: the second releases the gradients of the first."""


@attrs.frozen
class LoopCost:
    """What a loop took for the updates of a group, or of all groups together."""

    scale: str
    group: str
    loop: str
    parameters: int
    batch_size: int
    updates: int
    """Of each repetition."""
    samples_per_second: float
    """Median over the repetitions, by the wall."""
    wall: Interval
    """Time as a multiple of the hand-written loop's in the same repetition: geometric mean and 95 % interval."""
    processor: Interval
    """Likewise, in seconds of all threads."""
    peak: int
    """Most bytes of tensors that are held: weights, optimizer, gradients and what a step takes. Of all groups
    together, each with its weights and optimizer there, the one with the largest step; in turns, the largest group."""


@attrs.frozen
class _Measured:
    """A group's repetitions."""

    group: str
    parameters: int
    batch_size: int
    updates: int
    records: int
    """Of each repetition."""
    spent: Mapping[str, Sequence[Spent]]
    """By loop."""
    resident: int
    """Bytes of weights and optimizer."""
    working: Mapping[str, int]
    """Bytes that a step takes beyond these."""


def loops(shelf: Shelf) -> dict[str, Loop]:
    """By name, those that can be measured here; the shelf holds groups between their turns."""
    found: dict[str, Loop] = {BY_HAND: by_hand, "redheart": by_redheart, TURNS: in_turns(shelf)}
    return found | ({"lightning": by_lightning} if has_lightning() else {})


def bench_training(
    context: TrainingContext,
    updates: int,
    repeats: int,
    progress: Callable[[str, int, int], None],
) -> list[LoopCost]:
    """Measure every loop on every group that learns step by step; weights change, files do not.

    The loops take turns within each repetition, and another one begins each time. They share a group's weights and
    optimizer, so that one copy is in memory. Lower groups answer as they were built.

    Args:
        context: The data and settings.
        updates: Of each repetition, at most an epoch.
        repeats: Over which the intervals are taken, at least 2.
        progress: Told of "bench", the number of the group and of all.
    """
    few = FewBatches(**{field.name: getattr(context, field.name) for field in attrs.fields(TrainingContext)})
    learning = [group for group in context.groups if not group.fitted]
    measured = []
    with TemporaryDirectory() as folder, closing(_shelf(Path(folder, "idle"), context.device)) as shelf:
        all_loops = loops(shelf)
        for number, group in enumerate(context.groups):
            progress("bench", number, len(context.groups))
            if not group.fitted and (trainer := context.trainer(group)).optimizer is not None:
                with random_stream(context.device, "bench", group.name):  # which loops but redheart's draw from
                    measured.append(_measure(attrs.evolve(few, batches=updates), trainer, repeats, all_loops))
                del trainer
            if any(group.name in other.reads for other in learning):
                context.add_outputs(group, context.module(group), ("train",))
    scale = context.settings.scale
    return [cost for one in measured for cost in _costs(scale, one)] + (
        _costs(scale, _together(measured)) if len(measured) > 1 else []
    )


def _shelf(folder: Path, device: torch.device) -> Shelf:
    return MappedFiles(folder) if device.type == "cpu" else PinnedMemory(Cuda(device))


def _measure(context: FewBatches, trainer: GroupTrainer, repeats: int, all_loops: Mapping[str, Loop]) -> _Measured:
    """All loops on one group, after one round that does not count."""
    group = trainer.group
    few = attrs.evolve(context, batches=MEMORY_BATCHES)
    working = {}
    for name, loop in all_loops.items():
        loop(few, trainer, 1)
        trainer.module.zero_grad(set_to_none=True)
        if name != TURNS:  # in its turn a group holds what it always does
            working[name] = most_allocated(lambda run=loop: run(few, trainer, 1), trainer.device)  # type: ignore[misc] # a default binds it now
    working[TURNS] = working["redheart"]
    spent: dict[str, list[Spent]] = {name: [] for name in all_loops}
    names = list(all_loops)
    for repeat in range(repeats):
        epoch = 1 + repeat % trainer.settings.epochs
        for name in names[repeat % len(names) :] + names[: repeat % len(names)]:
            gc.collect()
            spent[name].append(all_loops[name](context, trainer, epoch))
    parts = context.training_order(group, 1)
    tensors = [*trainer.module.parameters(), *trainer.module.buffers(), *trainer.optimizer_tensors().values()]
    return _Measured(
        group=group.name,
        parameters=sum(parameter.numel() for parameter in trainer.parameters.values()),
        batch_size=trainer.settings.batch_size,
        updates=len(parts),
        records=sum(map(len, parts)),
        spent=spent,
        resident=bytes_of(tensors),
        working=working,
    )


def _together(measured: Sequence[_Measured]) -> _Measured:
    """All groups, one after another, with the weights and optimizer of each in memory."""
    names = measured[0].spent
    resident = sum(one.resident for one in measured)
    alone = max(one.resident + one.working[TURNS] for one in measured)
    return _Measured(
        group="all",
        parameters=sum(one.parameters for one in measured),
        batch_size=max(one.batch_size for one in measured),
        updates=sum(one.updates for one in measured),
        records=sum(one.records for one in measured),
        spent={
            name: [
                Spent(math.fsum(part.wall for part in parts), math.fsum(part.processor for part in parts))
                for parts in zip(*(one.spent[name] for one in measured), strict=True)
            ]
            for name in names
        },
        resident=resident,
        working={name: max(one.working[name] for one in measured) for name in names} | {TURNS: alone - resident},
    )


def _costs(scale: str, one: _Measured) -> list[LoopCost]:
    hand = one.spent[BY_HAND]
    return [
        LoopCost(
            scale=scale,
            group=one.group,
            loop=name,
            parameters=one.parameters,
            batch_size=one.batch_size,
            updates=one.updates,
            samples_per_second=one.records / statistics.median(part.wall for part in spent),
            wall=ratio([part.wall for part in spent], [part.wall for part in hand]),
            processor=ratio([part.processor for part in spent], [part.processor for part in hand]),
            peak=one.resident + one.working[name],
        )
        for name, spent in one.spent.items()
    ]


def ratio(times: Sequence[float], others: Sequence[float]) -> Interval:
    """Of paired times: the geometric mean with its 95 % interval by Student's t on the logarithms."""
    logs = np.log(np.asarray(times) / np.asarray(others))
    mean, error = float(logs.mean()), float(logs.std(ddof=1)) / math.sqrt(len(logs))
    reach = float(stats.t.ppf(0.975, len(logs) - 1)) * error
    return Interval(math.exp(mean), math.exp(mean - reach), math.exp(mean + reach))
