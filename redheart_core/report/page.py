"""Renders what was collected as one HTML page."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import attrs
import jinja2
from markupsafe import Markup, escape

from redheart_core._evaluation import Evaluation
from redheart_core.files import write_bytes
from redheart_core.report import plots, words
from redheart_core.report.collect import collect
from redheart_core.report.contents import Account, Contents, GroupState


@attrs.frozen
class AccountRow:
    """The parameters of one plugin in one group, summed up."""

    group: str
    plugin: str
    tensors: int
    elements: int
    in_optimizer: int
    """Elements."""
    frozen: int
    """Elements."""
    live: int
    """Elements with a non-zero gradient in the audited batches."""
    problems: tuple[Account, ...]

    @property
    def live_share(self) -> float | None:
        return self.live / self.in_optimizer if self.in_optimizer else None


@attrs.frozen
class MetricRow:
    """A validation metric of a group over its epochs."""

    name: str
    main: bool
    curve: Markup
    best: float
    common: float | None
    last: float


def write_report(run: Path, output: Path, model: Path | None = None) -> None:
    """Write one HTML file that shows a run, with all it needs inside.

    Args:
        run: The run's folder; sections whose figures a later command makes say which.
        output: The file; replaced whole or not at all.
        model: The folder of a model that was assembled from the run.

    Raises:
        CheckpointError: The run is missing or damaged, or the model is not of this run.
        StoreError: The store's index is damaged or of other data.
        FileError: The file cannot be written.
    """
    write_bytes(output, render(collect(run, model)).encode())


def render(contents: Contents) -> str:
    """The page as text."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": words.number,
        "integer": words.integer,
        "percent": words.percent,
        "duration": words.duration,
        "size": words.size,
        "plural": words.plural,
        "value": setting,
        "breakable": breakable,
    }
    rows = account_rows(contents.accounts or ())
    return environment.get_template("report.html.j2").render(
        run=contents,
        title=f"redheart run {contents.path.resolve().name}",
        summary=words.summary(contents),
        chosen={group.name: group.epoch for group in contents.model or ()},
        curves={group.name: plots.learning_curves(group, contents.choices) for group in contents.trained},
        heat_map=plots.heat_map(contents.trained, contents.choices) if contents.trained else None,
        excess=list(zip(plots.EXCESS_STEPS, plots.EXCESS_COLORS, strict=True)),
        metrics={group.name: metric_rows(group, contents) for group in contents.trained},
        comparisons=comparisons(contents.evaluation),
        beaten=words.beaten(contents.evaluation) if contents.evaluation else "",
        accounts=rows,
        total=total(rows),
    )


def comparisons(evaluation: Evaluation | None) -> dict[str, Markup]:
    """A plot for each main metric."""
    if evaluation is None:
        return {}
    variants, models = evaluation.variants, evaluation.models
    return {table.metric: plots.comparison(table, variants, models) for table in evaluation.main}


def account_rows(accounts: Sequence[Account]) -> list[AccountRow]:
    """One row per group and plugin, in the order of the audit."""
    parts: dict[tuple[str, str], list[Account]] = {}
    for account in accounts:
        parts.setdefault((account.group, account.plugin), []).append(account)
    return [_sum_up(group, plugin, tuple(part)) for (group, plugin), part in parts.items()]


def total(rows: Sequence[AccountRow]) -> AccountRow:
    """The sum of all rows."""
    return AccountRow(
        group="all",
        plugin="",
        tensors=sum(row.tensors for row in rows),
        elements=sum(row.elements for row in rows),
        in_optimizer=sum(row.in_optimizer for row in rows),
        frozen=sum(row.frozen for row in rows),
        live=sum(row.live for row in rows),
        problems=tuple(problem for row in rows for problem in row.problems),
    )


def metric_rows(group: GroupState, contents: Contents) -> list[MetricRow]:
    """The metrics of a group; which are main ones is known once the model is evaluated."""
    main = {table.metric for table in contents.evaluation.main} if contents.evaluation else set()
    choice = contents.choices.groups.get(group.name) if contents.choices else None
    place = group.epochs.index(group.best)
    return [
        MetricRow(
            name=name,
            main=name in main,
            curve=plots.sparkline([epoch.metrics[name] for epoch in group.epochs], place),
            best=group.best.metrics[name],
            common=group.at(choice.common).metrics[name] if choice else None,
            last=group.epochs[-1].metrics[name],
        )
        for name in group.best.metrics
    ]


def setting(value: object) -> str:
    """A setting's value for people, with all its digits; text stays as it is."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def breakable(name: str) -> Markup:
    """A name that may be broken into lines after its dots and underscores."""
    return Markup(re.sub(r"([._])(?=.)", r"\1<wbr>", str(escape(name))))


def _sum_up(group: str, plugin: str, accounts: tuple[Account, ...]) -> AccountRow:
    return AccountRow(
        group=group,
        plugin=plugin,
        tensors=len(accounts),
        elements=sum(account.elements for account in accounts),
        in_optimizer=sum(account.elements for account in accounts if account.in_optimizer),
        frozen=sum(account.elements for account in accounts if account.state == "frozen"),
        live=sum(account.live for account in accounts),
        problems=tuple(account for account in accounts if not account.accounted),
    )
