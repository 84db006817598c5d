"""How a group of commands lists them."""

from __future__ import annotations

import click


class ListingGroup(click.Group):
    """A group whose help shows the first sentence of each command as a whole."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        commands = [(name, self.commands[name]) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.get_short_help_str(limit=WHOLE)) for name, command in commands])


WHOLE = 1000
"""Characters beyond which a first sentence would be cut."""
