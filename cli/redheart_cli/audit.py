"""redheart audit: the account of every parameter."""

from __future__ import annotations

import attrs
import click

from redheart.options import PluginChoice, RunOptions
from redheart.progress import make_display
from redheart.sessions import begin
from redheart_cli.options import plugin_options
from redheart_cli.output import print_json, print_table
from redheart_cli.run_options import json_option, new_run_options


@click.command()
@new_run_options
@plugin_options
@click.option("--meta", is_flag=True, help="Build on the meta device alone: no memory, no gradient; for large scales.")
@click.option("--all", "every", is_flag=True, help="List every tensor, not only the totals.")
@json_option
def audit(
    choice: PluginChoice,
    new: RunOptions,
    meta: bool,
    every: bool,
    as_json: bool,
) -> None:
    """Account for every parameter: group, optimizer, gradient seen on the first batches.

    The exit code is 1 if one is unaccounted for; it is named.
    """
    from redheart_core.training.audit import require_complete, totals

    with make_display() as display:
        session = begin(choice, new, display)
        accounts = session.context.audit_sizes() if meta else session.context.audit_all(display.progress)
    if as_json:
        print_json([attrs.asdict(account) for account in accounts])
    else:
        if every:
            print_table(
                ("group", "plugin", "parameter", "elements", "live", "state"),
                [(a.group, a.plugin, a.name, a.elements, a.live, a.state) for a in accounts],
            )
        print_table(
            ("group", "plugin", "tensors", "elements", "in optimizer", "with gradient", "frozen", "fitted", "idle"),
            [tuple(attrs.astuple(row)) for row in totals(accounts)],
        )
    require_complete(accounts)
