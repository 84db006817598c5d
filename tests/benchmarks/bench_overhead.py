"""Processor seconds per epoch of the trainer beside a hand-written loop over the same modules, batches and optimizer.

Usage: python tests/benchmarks/bench_overhead.py RUN [--repeats 5]

RUN is a finished run of networks alone (--disable linear --disable stacking_fusion), since the loop by hand adds no
baseline and fits nothing; its store, plugins and settings are used. For each group both loops run the same epochs in
turns, in one process, and the medians are compared.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import torch
from torch import nn

from redheart.options import PluginChoice
from redheart.sessions import open_session
from redheart_core.groups.group import Group
from redheart_core.training.context import TrainingContext
from redheart_core.training.group_trainer import GroupTrainer
from redheart_core.training.schedule import schedule_factor


def by_context(context: TrainingContext, trainer: GroupTrainer, epoch: int) -> float:
    """One epoch as the trainer runs it."""
    started = time.process_time()
    for step, rows in enumerate(context.source.training_order(epoch)):
        trainer.step(context.source.batch(rows, trainer.group.inputs), epoch, step)
    return time.process_time() - started


def by_hand(context: TrainingContext, trainer: GroupTrainer, epoch: int) -> float:
    """One epoch as one would write it for this group alone: no checks, no streams, no account."""
    modules = {node.name: trainer.module.nodes[node.name] for node in trainer.group.nodes}
    optimizer = trainer.optimizer
    assert optimizer is not None
    trainer.module.train()
    torch.manual_seed(epoch)
    started = time.process_time()
    for step, rows in enumerate(context.source.training_order(epoch)):
        batch = context.source.batch(rows, trainer.group.inputs)
        known = dict(batch.inputs)
        loss = torch.zeros(())
        for node in trainer.group.nodes:
            given = modules[node.name](known)
            known |= {f"{node.name}.{name}": tensor for name, tensor in given.items()}
            objective = trainer.module.objectives.get(node.name)
            if objective is None:
                continue
            for term in objective.losses:
                target = batch.targets[term.target]
                present = ~target.isnan()
                loss = loss + term.weight * term.function(given[term.output], target, present).mean()
            if objective.penalty is not None:
                loss = loss + objective.penalty(given)
        factor = schedule_factor(
            (epoch - 1) * trainer.updates_per_epoch + step, trainer.total_updates, trainer.settings
        )
        for group in optimizer.param_groups:
            group["lr"] = trainer.settings.learning_rate * group["scale"] * factor
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(trainer.module.parameters(), trainer.settings.clip_norm)
        optimizer.step()
        loss.item()
    return time.process_time() - started


def compare(context: TrainingContext, group: Group, repeats: int) -> tuple[float, float]:
    """Median seconds per epoch, by the trainer and by hand."""
    one, other = context.trainer(group), context.trainer(group)
    by_context(context, one, 1)
    by_hand(context, other, 1)
    seconds: tuple[list[float], list[float]] = ([], [])
    for epoch in range(2, repeats + 2):
        seconds[0].append(by_context(context, one, epoch))
        seconds[1].append(by_hand(context, other, epoch))
    return statistics.median(seconds[0]), statistics.median(seconds[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    context = open_session(arguments.run, PluginChoice()).context
    print(f"{torch.get_num_threads()} threads, batch {context.settings.batch_size}, scale {context.settings.scale}")
    print(f"{'group':<16} {'trainer s':>10} {'by hand s':>10} {'overhead':>9}")
    total = [0.0, 0.0]
    for group in context.groups:
        mine, hand = compare(context, group, arguments.repeats)
        total = [total[0] + mine, total[1] + hand]
        print(f"{group.name:<16} {mine:>10.3f} {hand:>10.3f} {mine / hand - 1:>+9.1%}")
    print(f"{'all':<16} {total[0]:>10.3f} {total[1]:>10.3f} {total[0] / total[1] - 1:>+9.1%}")


if __name__ == "__main__":
    main()
