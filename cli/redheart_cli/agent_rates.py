"""What `redheart sweep` prints of agents in an environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from redheart_cli.rate_table import print_choices, rates_of, remarks

if TYPE_CHECKING:
    from redheart_core.tuning.sweep_result import Sweep


def print_rates_of_agents(found: Sweep) -> None:
    """Returns by rate, the choices, and what all together get by them."""
    print_choices(found, [_together(found)] if found.common.rate is not None and len(found.groups) > 1 else ())
    first = found.groups[0]
    for runs in first.rates:
        if runs.status == "stopped":
            click.echo(f"{runs.rate:g}: stopped, {runs.reason}")
    said: dict[str, list[str]] = {}
    for group in found.groups:
        for line in remarks(group, "too few episodes and seeds to tell them apart"):
            said.setdefault(line, []).append(group.group)
    for line, groups in said.items():
        click.echo(f"{', '.join(groups)}: {line}")
    for line in _choice(found):
        click.echo(line)
    seeds, epochs = len(found.short), found.short[0].epochs
    trainings = sum(len(runs.losses) for runs in first.rates) + (seeds if found.company else 0)
    click.echo(
        f"{trainings} short trainings of all agents, {epochs} epoch(s) each, of {seeds} seed(s); halving and faults "
        f"saved {first.epochs_saved} of {first.epochs_run + first.epochs_saved} epochs. Returns are means over the "
        "episodes without noise after the last epoch"
    )


def _together(found: Sweep) -> tuple[str, ...]:
    """A row of the sums over all agents."""
    cells = []
    for rate in rates_of(found):
        means = [runs.mean for group in found.groups for runs in group.rates if runs.rate == rate]
        cells.append("" if None in means else f"{-sum(mean for mean in means if mean is not None):.3f}")
    return ("all together", *cells, f"{found.common.rate:g}", "")


def _choice(found: Sweep) -> list[str]:
    """Whether agents have rates of their own, and why."""
    common, company = found.common, found.company
    if common.rate is None:
        if not found.chosen:
            return []
        return [
            f"{common.reason}; each takes the rate at which it got most beyond noise, among others of the same rate"
        ]
    kept = " that of the training," if common.rate == found.training.learning_rate else ""
    if company is None:
        return [f"all take {common.rate:g},{kept} as no agent got more at another rate, beyond a standard error"]
    own = ", ".join(f"{group} at {rate:g}" for group, rate in company.rates.items() if rate != common.rate)
    if company.gain is None:
        return [f"all take {common.rate:g}: the training with {own} stopped, {company.reason}"]
    gain = f"{company.gain.mean:+.3f} (standard error {company.gain.error:.3f})"
    apart = f"trained once more with {own}, all together get {gain}"
    if company.taken:
        return [f"{apart}: each takes its own rate"]
    return [f"{apart}, no more beyond noise: all take {common.rate:g}"]
