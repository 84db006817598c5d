"""The command group, global options, and the one place where errors become exit codes."""

from __future__ import annotations

import errno
import sys
from importlib import import_module
from typing import Any

import click

from redheart_cli.interruption import AGAIN, LISTENER, interruptible
from redheart_cli.streams import accept_every_character, forget_stdout
from redheart_core import RedheartError

COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("redheart_cli.run", "Data, training, choice, test, report and analysis in one go."),
    "plugins": ("redheart_cli.plugins", "List, describe, check and start plugins."),
    "data": ("redheart_cli.data", "Label raw texts; turn records into an embedding store."),
    "train": ("redheart_cli.train", "Train every checkpoint group."),
    "sweep": ("redheart_cli.sweep", "Find the learning rate of every group."),
    "search": ("redheart_cli.search", "Search settings of one group."),
    "auto": ("redheart_cli.auto", "Choose settings and plugins, for every group by itself."),
    "watch": ("redheart_cli.watch", "Show how the training in a run goes, live."),
    "audit": ("redheart_cli.audit", "Account for every parameter."),
    "plan": ("redheart_cli.plan", "Measure what memory a training needs."),
    "verify": ("redheart_cli.verify", "Compare every file of a run, model or store with its hash."),
    "repair": ("redheart_cli.verify", "Take the damaged groups of a run back to their last good epoch."),
    "push": ("redheart_cli.remote", "Send a run or model to an object store."),
    "pull": ("redheart_cli.remote", "Fetch a run or model from an object store."),
    "sweetspot": ("redheart_cli.sweetspot", "Find the best epoch of every group."),
    "crossover": ("redheart_cli.crossover", "Assemble the best epochs into one model."),
    "grow": ("redheart_cli.grow", "Go on with a model at a larger scale."),
    "distill": ("redheart_cli.distill", "Teach a small model what a model answers."),
    "evaluate": ("redheart_cli.evaluate", "Evaluate a model on the test split."),
    "report": ("redheart_cli.report", "Write one HTML page about a run."),
    "decompose": ("redheart_cli.decompose", "Which analyzers are redundant, unique, synergistic."),
    "bench": ("redheart_cli.bench", "Measure what a plugin is worth."),
    "analyze": ("redheart_cli.analyze", "Analyze a text, with an installed model or your own."),
    "forecast": ("redheart_cli.forecast", "What comes next in the time series of a file."),
    "memory": ("redheart_cli.memory", "Keep cases, and find those nearest to a text."),
    "decide": ("redheart_cli.decide", "Compare acts: utility, regret, harm, what people find."),
    "serve": ("redheart_cli.serve", "Answer over HTTP."),
    "export": ("redheart_cli.export", "Export a model to ONNX Runtime."),
    "models": ("redheart_cli.models", "List, describe and verify trained models."),
    "calculate": ("redheart_cli.calculate", "Compute an exact calculator on your numbers."),
}
"""Command to the module that holds it, imported only when it is called, and its line of help."""

GOES_ON = dict.fromkeys(
    ("run", "data", "train", "sweep", "search", "auto", "bench"), "the same command goes on where it was"
)
"""Commands that go on after an interruption; all others begin again. A training that has begun says more itself."""


class LazyGroup(click.Group):
    """A group that imports the module of a command only when that command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        LISTENER.advice = GOES_ON.get(cmd_name, AGAIN)
        command = getattr(import_module(COMMANDS[cmd_name][0]), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        with interruptible():
            from redheart_registry.installed import looking_once

            try:
                with looking_once():
                    return super().invoke(ctx)
            except RedheartError as error:
                raise click.ClickException("\n".join([str(error), *getattr(error, "__notes__", ())])) from error

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run, and end in order where standard output is closed or full."""
        accept_every_character()
        try:
            try:
                return super().main(*args, **extra)
            finally:
                sys.stdout.flush()
        except OSError as error:
            if error.filename is not None or error.errno not in (errno.EPIPE, errno.ENOSPC, errno.EBADF, errno.EIO):
                raise
            forget_stdout()
            if error.errno != errno.EPIPE:  # else whoever reads has read enough
                click.echo(f"Error: cannot write to standard output: {error.strerror}", err=True)
            raise SystemExit(1) from error


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="redheart", prog_name="redheart")
@click.option("--trace-hooks", is_flag=True, help="Print every call of a plugin hook to stderr.")
def cli(trace_hooks: bool) -> None:
    """A plugin-based modular analyzer.

    Example: redheart plugins list
    """
