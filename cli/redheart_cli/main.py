"""The command group, global options, and the one place where errors become exit codes."""

from __future__ import annotations

import errno
import signal
import sys
from importlib import import_module
from typing import Any

import click

from redheart_cli.streams import accept_every_character, forget_stdout
from redheart_core import RedheartError

COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("redheart_cli.run", "Data, training, choice, test, report and analysis in one go."),
    "plugins": ("redheart_cli.plugins", "List, describe, check and start plugins."),
    "data": ("redheart_cli.data", "Turn raw records into an embedding store."),
    "train": ("redheart_cli.train", "Train every checkpoint group."),
    "sweep": ("redheart_cli.sweep", "Find the learning rate of every group."),
    "search": ("redheart_cli.search", "Search settings of one group."),
    "watch": ("redheart_cli.watch", "Show how the training in a run goes, live."),
    "audit": ("redheart_cli.audit", "Account for every parameter."),
    "sweetspot": ("redheart_cli.sweetspot", "Find the best epoch of every group."),
    "crossover": ("redheart_cli.crossover", "Assemble the best epochs into one model."),
    "evaluate": ("redheart_cli.evaluate", "Evaluate a model on the test split."),
    "report": ("redheart_cli.report", "Write one HTML page about a run."),
    "decompose": ("redheart_cli.decompose", "Which analyzers are redundant, unique, synergistic."),
    "bench": ("redheart_cli.bench", "Measure what a plugin is worth."),
    "analyze": ("redheart_cli.analyze", "Analyze a text with a model."),
    "calculate": ("redheart_cli.calculate", "Compute an exact calculator on your numbers."),
}
"""Command to the module that holds it, imported only when it is called, and its line of help."""

GOES_ON: dict[str, str] = {
    "train": "the same command with --resume goes on where it was",
    **dict.fromkeys(("run", "data", "sweep", "search", "bench"), "the same command goes on where it was"),
}
"""What an interrupted command leaves; all others leave everything as it was."""


RECEIVED: list[int] = []
"""Signals that have asked this process to end."""
CALLED = "redheart.command"
"""Key of the called command's name in click's context."""


class Interrupted(click.ClickException):
    """A command was interrupted by Ctrl-C; the exit code is 128 and the number of the signal, as shells have it."""

    exit_code = 130

    def __init__(self, command: str | None) -> None:
        left = GOES_ON.get(command or "", "what was there before is unchanged; run the same command again")
        super().__init__(f"{'terminated' if self.exit_code == 143 else 'interrupted'}; {left}")

    def show(self, file: Any = None) -> None:
        click.echo(self.message, err=True)


class Stopped(Interrupted):
    """A command was ended by SIGTERM."""

    exit_code = 143


class LazyGroup(click.Group):
    """A group that imports the module of a command only when that command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        ctx.meta[CALLED] = cmd_name  # before its import, which takes time enough for a signal
        command = getattr(import_module(COMMANDS[cmd_name][0]), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (Exception, KeyboardInterrupt) as error:
            # a library that is being imported makes errors of its own out of an interruption
            if RECEIVED or isinstance(error, KeyboardInterrupt):
                kind = Stopped if signal.SIGTERM in RECEIVED else Interrupted
                raise kind(ctx.meta.get(CALLED)) from error
            if isinstance(error, RedheartError):
                raise click.ClickException(str(error)) from error
            raise

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
