"""redheart bench train: what a training costs beside a hand-written loop."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

from redheart.options import PluginChoice, RunOptions
from redheart.progress import make_display
from redheart.sessions import begin
from redheart_cli.options import plugin_options
from redheart_cli.output import print_json, print_table, with_interval
from redheart_cli.run_options import groups_option, json_option, new_run_options

if TYPE_CHECKING:
    from redheart_core.evaluation.training_bench import LoopCost

MEASURED = ("small", "base", "full")


@click.command()
@new_run_options
@groups_option
@plugin_options
@click.option("--updates", type=click.IntRange(min=1), default=16, show_default=True,
              help="Of each group in a repetition, at most an epoch.")  # fmt: skip
@click.option(
    "--repeats", type=click.IntRange(min=2), default=9, show_default=True, help="Measurements of each figure."
)
@json_option
def train(
    choice: PluginChoice, new: RunOptions, groups_file: Path | None, updates: int, repeats: int, as_json: bool
) -> None:
    """Measure training steps beside a hand-written loop over the same modules, batches and optimizer.

    Beside these, lightning.Trainer is measured where Lightning is installed, and redheart in turns: the
    group's state comes to the device and leaves it again around these updates. The loops alternate; a
    ratio is the time over that of the hand-written loop in the same repetition, with its 95 % interval:
    1.02 takes 2 % longer. The peak counts tensors: weights, optimizer, gradients and what a step takes.
    Without --scale: small, base and full one after another. Nothing is saved, apart from the store.

    \b
    Examples:
      redheart bench train
      redheart bench train --scale full --updates 2 --repeats 3 --enable neural_emotion
    """
    from redheart_core.evaluation.training_bench import bench_training

    costs: list[LoopCost] = []
    with make_display() as display:
        for scale in MEASURED if new.scale is None else (new.scale,):
            context = begin(choice, attrs.evolve(new, scale=scale), display, groups_file).context
            costs += bench_training(context, updates, repeats, display.progress)
    if as_json:
        print_json([attrs.asdict(cost) for cost in costs])
        return
    print_table(
        ("scale", "group", "parameters", "loop", "samples/s", "time by the wall", "processor time", "peak MB"),
        [
            (
                cost.scale,
                cost.group,
                f"{cost.parameters:,}",
                cost.loop,
                f"{cost.samples_per_second:.1f}",
                with_interval(cost.wall, ".3f"),
                with_interval(cost.processor, ".3f"),
                f"{cost.peak / 1e6:.0f}",
            )
            for cost in costs
        ],
    )
