"""Entry point of `redheart` and `python -m redheart_cli`."""

from redheart_cli.main import cli


def main() -> None:
    """Run the command line and exit."""
    cli(prog_name="redheart")


if __name__ == "__main__":
    main()
