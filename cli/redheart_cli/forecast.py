"""redheart forecast: what comes next."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from redheart_cli.output import print_json, print_table
from redheart_cli.paths import UserPath
from redheart_cli.run_options import json_option

if TYPE_CHECKING:
    from redheart.forecasting import Forecast, Point

COLUMNS = ("series", "time", "column", "value", "low", "high")
IN_SET = {True: "yes", False: "no", None: "-"}
"""Whether a label may be 1, in words."""


@click.command()
@click.argument("model", metavar="MODEL")
@click.argument("files", nargs=-1, type=UserPath(), metavar="[FILE ...]")
@click.option("-o", "--output", type=UserPath(), help="Write a .csv in place of the table.")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:1, ...")
@json_option
def forecast(model: str, files: tuple[Path, ...], output: Path | None, device: str, as_json: bool) -> None:
    """Say what comes next in the series of FILE, by MODEL, which was trained on such series.

    The columns are those of the files that the model was trained on. The past ends at the last row
    that has a number of a target or a covariate. Where the model reads what is known ahead, such as
    a calendar, rows behind it have to say it: the time and these columns, the others empty. Values
    are in units of the file; low and high hold what comes in 90% of windows like those of
    calibration. A model of the sample of its data set forecasts that, without a FILE.

    \b
    Examples:
      redheart forecast runs/series/model sales.csv
      redheart forecast runs/series/model north.csv south.csv -o forecast.csv
    """
    import redheart
    from redheart_core import DataError

    if output is not None and (as_json or output.suffix != ".csv"):
        raise DataError(f"{output}: forecasts are written as .csv; for JSON give --json alone")
    from redheart.page import absences

    loaded = redheart.load(model, device=device)
    found = loaded.forecast(*files)
    for line in (*absences(loaded.absent), *(f"group {name}: {why}" for name, why in loaded.missing.items())):
        click.echo(f"without an answer: {line}", err=True)
    if as_json:
        print_json([one.to_json() for one in found])
    elif output is not None:
        _write(output, found)
    else:
        _print(found)


def _write(output: Path, found: Sequence[Forecast]) -> None:
    """Every digit of every number."""
    from redheart_core.storage.files import write_atomically

    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    sets = _has_sets(found)
    lines.writerow((*COLUMNS, *(["in_set"] if sets else [])))
    for one in found:
        for point in one.points:
            further = (point.low, point.high, *([point.in_set] if sets else []))
            shown = ("" if value is None else value for value in further)
            lines.writerow((one.series, point.time, point.label or point.field, point.value, *shown))
    write_atomically(output, lambda stream: stream.write(text.getvalue().encode()))
    click.echo(f"{sum(len(one.points) for one in found)} numbers of {len(found)} series in {output}")


def _print(found: Sequence[Forecast]) -> None:
    named, sets = any(one.series for one in found), _has_sets(found)
    rows = [
        (
            *([one.series] if named else []),
            point.time,
            point.label or point.field,
            *_shown(point),
            *([IN_SET[point.in_set]] if sets else []),
        )
        for one in found
        for point in one.points
    ]
    print_table((*(["series"] if named else []), *COLUMNS[1:], *(["may be"] if sets else [])), rows)
    of_sets = {point.field: point.low is None for one in found for point in one.points}
    held = {
        (answer.field, answer.certainty.records, answer.certainty.alpha)
        for one in found
        for answer in one.analysis.answers
        if answer.certainty is not None and answer.field in of_sets
    }
    for field, records, alpha in sorted(held):
        said = "a label that comes has a yes" if of_sets[field] else "low and high hold what comes"
        click.echo(
            f"{field}: {said} in {1 - alpha:.0%} of windows like the {records} of calibration; after a break in the "
            "series this does not hold"
        )
    if not any(one.analysis.calibrated for one in found):
        click.echo("no intervals: the model was not calibrated; assemble it again from a run with a calibration split")
    for warning in dict.fromkeys(warning for one in found for warning in one.analysis.warnings):
        click.echo(f"warning: {warning}")


def _has_sets(found: Sequence[Forecast]) -> bool:
    return any(point.in_set is not None for one in found for point in one.points)


def _shown(point: Point) -> tuple[str, str, str]:
    """Value and ends, with so many digits that half of the interval has two."""
    if point.low is None or point.high is None:
        return f"{point.value:.4g}", "-", "-"
    half = (point.high - point.low) / 2
    style = f".{min(12, max(0, 1 - math.floor(math.log10(half)))) if half > 0 else 2}f"
    return format(point.value, style), format(point.low, style), format(point.high, style)
