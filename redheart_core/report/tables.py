"""Rows of the report's tables that take some computing."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from markupsafe import Markup

from redheart_core.evaluation.results import Evaluation
from redheart_core.exact.interval import Interval
from redheart_core.report import plots
from redheart_core.report.contents import Contents, GroupState
from redheart_core.runs.accounts import ParameterAccount


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
    problems: tuple[ParameterAccount, ...]

    @property
    def live_share(self) -> float | None:
        return self.live / self.in_optimizer if self.in_optimizer else None


@attrs.frozen
class MetricRow:
    """A validation metric of a group over its epochs."""

    name: str
    main: bool
    curve: Markup
    best: float | None
    """As all of these None where the metric is undefined."""
    common: float | None
    difference: float | None
    """At the common epoch less at the best one."""
    last: float | None


def account_rows(accounts: Sequence[ParameterAccount]) -> list[AccountRow]:
    """One row per group and plugin, in the order of the audit."""
    parts: dict[tuple[str, str], list[ParameterAccount]] = {}
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
    place = group.epochs.index(group.at(group.best.epoch))
    return [
        MetricRow(
            name=name,
            main=name in main,
            curve=plots.sparkline([epoch.metrics[name] for epoch in group.epochs], place),
            best=group.best.metrics[name],
            common=group.at(choice.common).metrics[name] if choice else None,
            difference=choice.differences[name] if choice else None,
            last=group.epochs[-1].metrics[name],
        )
        for name in group.best.metrics
    ]


def shown_variants(evaluation: Evaluation) -> list[str]:
    """The variants of the main table: the crossover, its rivals of note, and the baselines."""
    best = "crossover" if evaluation.best_method == "selection" else evaluation.best_method
    wanted = ("crossover", "common epoch", best, "chosen", "constant", "linear")
    return [name for name in dict.fromkeys(wanted) if name in evaluation.variants]


def relative_costs(contents: Contents) -> list[tuple[str, Interval, Interval]]:
    """Each group's apparent and corrected cost of the common epoch as a share of its best loss, and their mean."""
    if contents.choices is None:
        return []
    rows = []
    for group in contents.trained:
        if group.name in contents.choices.groups and group.status != "fitted":
            cost = contents.choices.groups[group.name].common_cost
            rows.append((group.name, _relative(group, cost.apparent), _relative(group, cost.corrected)))
    mean = contents.choices.mean_common_cost
    return [*rows, ("mean", mean.apparent, mean.corrected)]


def _relative(group: GroupState, figure: Interval) -> Interval:
    value, low, high = (None if end is None else group.relative(end) for end in (figure.value, figure.low, figure.high))
    return Interval(value, low, high, figure.reason)


def _sum_up(group: str, plugin: str, accounts: tuple[ParameterAccount, ...]) -> AccountRow:
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
