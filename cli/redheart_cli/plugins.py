"""`redheart plugins`: what is installed, what one plugin is, and a start for a new one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from redheart.options import PluginChoice
from redheart_cli.listing import ListingGroup
from redheart_cli.options import plugin_options
from redheart_cli.output import bounds, print_json, print_table
from redheart_cli.paths import UserPath

if TYPE_CHECKING:
    from redheart_core.testing import CheckResult


@click.group(cls=ListingGroup)
def plugins() -> None:
    """List, describe, check and start plugins."""


@plugins.command("list")
@plugin_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_command(choice: PluginChoice, as_json: bool) -> None:
    """Show what is installed, active or broken, and why.

    Example: redheart plugins list --json
    """
    from redheart_registry.report import list_plugins

    rows = list_plugins(choice.plugins_toml, choice.enable, choice.disable, choice.overrides)
    if as_json:
        print_json([attrs.asdict(row) for row in rows])
        return
    header = ("NAME", "KIND", "GROUP", "ACTIVE", "VERSION", "DISTRIBUTION", "WHY")
    print_table(
        header,
        [
            (
                row.name,
                row.kind or "broken",
                row.group or "-",
                "yes" if row.active else "no",
                row.version,
                row.distribution,
                f"{row.why}; adds nothing to the fusion on {row.adds_nothing}" if row.adds_nothing else row.why,
            )
            for row in rows
        ],
    )
    for row in rows:
        if row.broken:
            click.echo(f"\nbroken: {row.broken}")


@plugins.command("info")
@click.argument("name")
@click.option("--plugins", "plugins_toml", type=UserPath(), metavar="FILE", help="plugins.toml to use.")
@click.option("--set", "overrides", multiple=True, metavar="PLUGIN.KEY=VALUE", help="Change a setting; repeatable.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def info_command(name: str, plugins_toml: Path | None, overrides: tuple[str, ...], as_json: bool) -> None:
    """Show fields, outputs, settings and sizes of a plugin.

    Example: redheart plugins info backbone
    """
    from redheart_registry.details import describe_plugin

    details = describe_plugin(name, plugins_toml, overrides)
    if as_json:
        print_json(details)
    else:
        _print_details(details)


@plugins.command("check")
@click.argument("targets", nargs=-1, metavar="[NAME|PATH]...")
@plugin_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check_command(targets: tuple[str, ...], choice: PluginChoice, as_json: bool) -> None:
    """Run the conformance kit on plugins; without NAME or PATH, on all active ones.

    PATH is the folder of a plugin that need not be installed. The exit code is 1 if a check failed.

    \b
    Examples:
      redheart plugins check backbone
      redheart plugins check ./my_regret
    """
    from redheart.progress import make_display
    from redheart_cli.check_plugins import check_plugins

    with make_display() as display:
        results = check_plugins(targets, choice, display.progress)
    if as_json:
        print_json([attrs.asdict(result) for result in results])
    else:
        rows = [(result.plugin, result.check, result.status, message) for result, message in told_once(results)]
        print_table(("PLUGIN", "CHECK", "STATUS", "MESSAGE"), rows)
        statuses = [result.status for result in results]
        counts = ", ".join(f"{status} {statuses.count(status)}" for status in ("passed", "failed", "skipped"))
        click.echo(f"plugins {len({result.plugin for result in results})}; checks {len(results)}: {counts}")
    if any(result.status == "failed" for result in results):
        raise SystemExit(1)


def told_once(results: Sequence[CheckResult]) -> Iterator[tuple[CheckResult, str]]:
    """Each result with its message on one line; a reason that stands further up already is referred to."""
    told: dict[tuple[str, str], str] = {}
    for result in results:
        message = " ".join(result.message.split())
        first = told.setdefault((result.plugin, message), result.check)
        repeated = result.status == "failed" and first != result.check
        yield result, f"the same as '{first}'" if repeated else message


@plugins.command("new")
@click.argument("name")
@click.option(
    "--folder",
    type=UserPath(file_okay=False),
    default=Path(),
    metavar="DIR",
    help="Where to make the package's folder. [default: the working directory]",
)
def new_command(name: str, folder: Path) -> None:
    """Write a small plugin package with tests, to start from.

    Example: redheart plugins new my_regret
    """
    from redheart_cli.new_plugin import write_plugin

    written = write_plugin(name, folder)
    click.echo(f"wrote {written}")
    click.echo(f"next: pip install -e {written}; redheart plugins info {name}; pytest {written}")


def _print_details(details: dict[str, Any]) -> None:
    click.echo(f"{details['name']}: {details['meaning']}")
    for key in (
        "kind",
        "version",
        "distribution",
        "module",
        "minimum_core",
        "group",
        "learning_rate",
        "learning_rate_scale",
        "loss_weight",
        "residual",
        "adds_nothing",
        "note",
    ):
        if details.get(key, "") != "":
            click.echo(f"  {key}: {details[key]}")
    if "gives" in details:
        _print_node(details)
    if details.get("fields") is not None:
        click.echo("fields")
        fields = [
            (field["name"], field["shape"], bounds(field["low"], field["high"]), field["unit"], field["meaning"])
            for field in details["fields"]
        ]
        print_table(("NAME", "SHAPE", "RANGE", "UNIT", "MEANING"), fields, "  ")
    elif "fields" in details:
        click.echo("fields: depend on settings that are still missing")
    if "inputs" in details:
        click.echo("inputs")
        inputs = [
            (
                given["name"],
                given["axes"],
                "required" if given["required"] else "optional",
                "null" if given["missing"] else "refused",
                given["meaning"],
            )
            for given in details["inputs"]
        ]
        print_table(("NAME", "AXES", "NEEDED", "MISSING NUMBERS", "MEANING"), inputs, "  ")
    if details.get("settings"):
        click.echo("settings")
        rows = [(row["key"], row["type"], _default(row), str(row.get("set", "-"))) for row in details["settings"]]
        print_table(("KEY", "TYPE", "DEFAULT", "SET TO"), rows, "  ")


def _default(row: dict[str, Any]) -> str:
    if row["required"]:
        return "required"
    return str(row.get("default", "computed"))


def _print_node(details: dict[str, Any]) -> None:
    sizes = details["scales"]
    small = sizes.get("small", {"reads": {}, "gives": {}})
    click.echo("reads" + (" (shapes at scale small)" if sizes else ""))
    print_table(("NAME", "SHAPE"), [(name, small["reads"].get(name, "?")) for name in details["reads"]], "  ")
    click.echo("gives")
    rows = [
        (
            output["name"],
            small["gives"].get(output["name"], "?"),
            bounds(output["low"], output["high"]),
            output["form"],
            output["labels"] or "-",
            output["meaning"],
        )
        for output in details["gives"]
    ]
    print_table(("NAME", "SHAPE", "RANGE", "FORM", "LABELS", "MEANING"), rows, "  ")
    click.echo(f"targets: {', '.join(details['targets']) or 'none'}")
    optional = [("reads", field) for field in details["optional_reads"]]
    optional += [("learns", field) for field in details["optional_targets"]]
    if optional:
        click.echo("only where the data set has the field (train names those that it lacks)")
        needing = {
            field: ", ".join(output["name"] for output in details["gives"] if field in output["needs"])
            for _, field in optional
        }
        uses = [(field, verb, needing[field] or "-") for verb, field in optional]
        print_table(("FIELD", "USE", "OUTPUTS THAT NEED IT"), uses, "  ")
    if details["metrics"]:
        click.echo("metrics")
        metrics = [
            (metric["name"], metric["output"], metric["target"], metric["direction"]) for metric in details["metrics"]
        ]
        print_table(("NAME", "OUTPUT", "TARGET", "BEST"), metrics, "  ")
    if sizes:
        click.echo(f"scales (embeddings of width {details['embedding_width']})")
        scales = [
            (scale, f"{size['parameters']:,}", ", ".join(f"{key}={value}" for key, value in size["settings"].items()))
            for scale, size in sizes.items()
        ]
        print_table(("SCALE", "PARAMETERS", "SETTINGS"), scales, "  ")
