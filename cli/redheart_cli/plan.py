"""redheart plan: what a training will hold in memory."""

from __future__ import annotations

import re
from pathlib import Path

import attrs
import click

from redheart.options import PluginChoice, RunOptions
from redheart.progress import make_display
from redheart.sessions import begin
from redheart_cli.options import plugin_options
from redheart_cli.output import print_json, print_table
from redheart_cli.run_options import groups_option, json_option, new_run_options

UNITS = {"K": 10**3, "M": 10**6, "G": 10**9}


class Bytes(click.ParamType[int]):
    """A number of bytes such as 8G or 500M, with decimal units."""

    name = "size"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([KMG])", str(value))
        size = int(float(found[1]) * UNITS[found[2]]) if found else 0
        if not size:
            self.fail(f"expects a number above zero with K, M or G, such as 8G or 500M, got {str(value)!r}", param, ctx)
        return size


@click.command()
@new_run_options
@groups_option
@plugin_options
@click.option("--memory", type=Bytes(), metavar="SIZE", help="Refuse a training that needs more, such as 8G.")
@json_option
def plan(choice: PluginChoice, new: RunOptions, groups_file: Path | None, memory: int | None, as_json: bool) -> None:
    """Measure what memory a training needs, by steps of every group on the records with the longest texts.

    A training holds the groups of a tier together; a group is measured alone. Tensors are counted, on the device of the
    training; not counted are the interpreter with its libraries, the data, and what validation and saving take.
    The exit code is 1 if it does not fit. Example: redheart plan --scale base --memory 8G
    """
    from redheart_core.training.memory_plan import megabytes, plan_memory, require_memory

    with make_display() as display:
        found = plan_memory(begin(choice, new, display, groups_file).context, display.progress)
    if as_json:
        tiers = [attrs.asdict(tier) | {"peak": tier.peak} for tier in found.tiers]
        print_json(attrs.asdict(found) | {"tiers": tiers, "peak": found.peak, "memory": memory})
    else:
        print_table(
            ("group", "tier", "records", "weights", "gradients", "optimizer", "step", "alone", "steps", "s/step"),
            [
                (
                    one.name,
                    one.tier,
                    one.batch_size,
                    *map(megabytes, (one.step.weights, one.step.gradients, one.step.optimizer)),
                    megabytes(one.step.working),
                    megabytes(one.alone),
                    one.steps,
                    f"{one.step.seconds:.3f}",
                )
                for one in found.groups
            ],
        )
        click.echo()
        print_table(
            ("tier", "resident", "largest step", "of", "peak", "hours of steps"),
            [
                (
                    tier.tier,
                    megabytes(tier.resident),
                    megabytes(tier.working),
                    tier.largest,
                    megabytes(tier.peak),
                    f"{tier.seconds / 3600:.2f}",
                )
                for tier in found.tiers
            ],
        )
    if memory is not None:
        require_memory(found, memory)
