"""The `redheart` command."""

from __future__ import annotations

from redheart_cli.interruption import ending_in_order, listen


def main() -> None:
    """Run the command line; SIGTERM ends it as Ctrl-C does, so that files and locks are left in order."""
    listen()
    with ending_in_order():
        from redheart_cli.main import cli
        from redheart_cli.streams import occupy_closed_streams

        occupy_closed_streams()
        cli(prog_name="redheart")


if __name__ == "__main__":
    main()
