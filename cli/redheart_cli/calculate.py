"""redheart calculate: an exact calculator on a user's own numbers."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from redheart_cli.output import print_json
from redheart_cli.paths import UserPath
from redheart_cli.run_options import json_option
from redheart_cli.streams import stdin

FIRST = 12
"""So many entries of a list are printed for people."""


@click.command()
@click.argument("name")
@click.argument("file", required=False, metavar="[FILE|-]")
@click.option("--example", is_flag=True, help="Print inputs to start from as JSON, and compute nothing.")
@click.option("--plugins", "plugins_toml", type=UserPath(), metavar="FILE", help="plugins.toml to use.")
@click.option("--set", "overrides", multiple=True, metavar="NAME.KEY=VALUE", help="Change a setting; repeatable.")
@json_option
def calculate(
    name: str, file: str | None, example: bool, plugins_toml: Path | None, overrides: tuple[str, ...], as_json: bool
) -> None:
    """Compute the exact calculator NAME on the arrays in FILE; - reads JSON from standard input.

    FILE is a .json object from input to numbers in nested lists (null is a missing number), an .npz, or a .csv with
    a header: each column of numbers is an input, and the columns x.1, x.2, ... make the matrix x.
    `redheart plugins info NAME` lists inputs and settings; the calculator need not be active.

    \b
    Examples:
      redheart calculate exact_votes votes.csv
      redheart calculate exact_surd samples.npz --set exact_surd.bins=8 --json
      redheart calculate exact_surd --example | redheart calculate exact_surd -
    """
    if example == (file is not None):
        raise click.UsageError(
            "--example reads no FILE; leave one of them out"
            if example
            else "give FILE (.json, .csv or .npz), or - for JSON on standard input; "
            f"'redheart calculate {name} --example' prints inputs to start from"
        )
    from redheart_registry.calculators import load_calculator

    spec, settings = load_calculator(name, plugins_toml, overrides)
    if file is None:
        print_json(spec.example)
        return
    from redheart.arrays import read_arrays
    from redheart_core import calculate as compute
    from redheart_core.discovery.fence import fence

    say = functools.partial(click.echo, err=True)
    arrays = read_arrays(file, {given.name for given in spec.inputs}, stdin(), say)
    with fence(f"plugin '{name}'"):
        result = compute(spec, settings, arrays)
    if as_json:
        print_json(result)
    else:
        print_result(result)


def print_result(result: Mapping[str, Any], indent: str = "") -> None:
    """Name and value a line; long lists are cut."""
    width = max((len(key) for key in result), default=0)
    for key, value in result.items():
        if isinstance(value, Mapping):
            click.echo(f"{indent}{key}")
            print_result(value, indent + "  ")
        elif _is_table(value):
            click.echo(f"{indent}{key}")
            for row in value[:FIRST]:
                click.echo(f"{indent}  {_in_words(row)}")
            if len(value) > FIRST:
                click.echo(f"{indent}  ... {len(value)} rows; --json prints all")
        else:
            click.echo(f"{indent}{key:<{width}}  {_in_words(value)}")


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(row, list) for row in value)


def _in_words(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        cells = [f"[{_in_words(item)}]" if isinstance(item, list) else _in_words(item) for item in value[:FIRST]]
        more = [f"... ({len(value)} in all)"] if len(value) > FIRST else []
        return " ".join([*cells, *more]) or "none"
    return str(value)
