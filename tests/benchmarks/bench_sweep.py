"""Seconds of a sweep over five rates and all groups, beside five plain short trainings in the same process.

Usage: python tests/benchmarks/bench_sweep.py RUN [--epochs 12] [--sweep-epochs 3] [--repeats 1]

RUN is a finished run; its store, plugins and settings are used. The sweep runs one seed without halving, so that both
do the same updates. A plain short training is a bare loop: batches, updates and validation of every group, without
audit, checkpoint or journal. Both are run in turns; the medians of the process's time are compared, which other work
on the machine disturbs less than that of the clock. The limit is 10 % more than five short trainings. The losses of
the groups that read no others have to be equal to the last bit.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import attrs
import torch

from redheart.options import PluginChoice
from redheart.sessions import open_session
from redheart_core.groups.validation import evaluate
from redheart_core.runs.run import RunFolder
from redheart_core.training.context import TrainingContext
from redheart_core.tuning.short_runs import at_rate, short_context
from redheart_core.tuning.sweep import sweep
from redheart_core.tuning.sweep_result import Sweep
from redheart_core.tuning.sweep_steps import RATES, SweepSettings

Losses = dict[tuple[str, float], tuple[float, ...]]
"""Group and rate to the validation loss after each epoch."""


def plain(context: TrainingContext, epochs: int, rate: float) -> Losses:
    """A short training of every group at one rate; higher tiers read the last epochs of lower ones."""
    short, found = short_context(context, epochs, context.settings.seed), Losses()
    for group in short.groups:
        if group.fitted:
            short.add_outputs(group, short.fit(group))
            continue
        trainer = short.trainer(at_rate(group, rate))
        losses = []
        for epoch in range(1, epochs + 1) if trainer.optimizer is not None else ():
            for step, rows in enumerate(short.training_order(group, epoch)):
                trainer.step(short.source.batch(rows, group.inputs), epoch, step)
            losses.append(evaluate(trainer.module, short.source, short.store.rows("validation")).loss)
        short.add_outputs(group, trainer.module)
        found[group.name, rate] = tuple(losses)
    return found


def swept(context: TrainingContext, epochs: int) -> Sweep:
    """A sweep of one seed without halving, in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        return sweep(RunFolder(Path(folder)), context, SweepSettings(RATES, False, epochs, 1, False))


def check(found: Sweep, losses: Losses) -> int:
    """Compare the losses of the first tier; returns how many agree.

    Raises:
        AssertionError: One is not equal.
    """
    agreed = 0
    for group in [group for group in found.groups if group.tier == 0]:
        for runs in group.rates:
            assert runs.losses[0] == losses[group.group, runs.rate], (group.group, runs.rate)
            agreed += 1
    return agreed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("run", type=Path)
    parser.add_argument("--epochs", type=int, default=12, help="of the training that the rates are for")
    parser.add_argument("--sweep-epochs", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=1)
    arguments = parser.parse_args()
    context = open_session(arguments.run, PluginChoice()).context
    context = attrs.evolve(context, settings=attrs.evolve(context.settings, epochs=arguments.epochs))
    print(f"{torch.get_num_threads()} threads, batch {context.settings.batch_size}, scale {context.settings.scale}")
    seconds: dict[str, list[float]] = {"sweep": [], "plain": []}
    for _ in range(arguments.repeats):
        started = time.process_time()
        found = swept(context, arguments.sweep_epochs)
        seconds["sweep"].append(time.process_time() - started)
        started, losses = time.process_time(), Losses()
        for rate in RATES:
            losses |= plain(context, arguments.sweep_epochs, rate)
        seconds["plain"].append(time.process_time() - started)
        print(f"equal to the last bit: {check(found, losses)} short trainings of first-tier groups")
    one, other = (statistics.median(seconds[name]) for name in ("sweep", "plain"))
    print(f"sweep {one:.1f} s, {len(RATES)} plain short trainings {other:.1f} s: {one / other - 1:+.1%} (limit +10 %)")


if __name__ == "__main__":
    main()
