"""The plots of training: learning rate and gradient by epoch, loss by learning rate."""

from __future__ import annotations

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from redheart_core.config.tables import TrainSettings
from redheart_core.report.axes import epoch_ticks, quiet, style
from redheart_core.report.contents import GroupState
from redheart_core.report.contents_choices import GroupRates
from redheart_core.report.svg import BEST, COMMON, GRID, MUTED, ONE_SE, TRAIN, VALIDATION, to_svg
from redheart_core.training.schedule import schedule_factor

POINTS = 240
"""Places at which the closed form is drawn."""


def traces(group: GroupState, settings: TrainSettings) -> Markup:
    """The learning rate of every update in closed form and as recorded, above the norm of the gradient."""
    own = group.settings.over(settings)
    figure = Figure(figsize=(3.3, 2.9))
    upper, lower = figure.add_axes((0.165, 0.575, 0.81, 0.335)), figure.add_axes((0.165, 0.135, 0.81, 0.335))
    upper.plot(*closed_form(group, settings), color=VALIDATION, linewidth=1.3)
    rates = [(epoch.epoch, epoch.learning_rate) for epoch in group.epochs if epoch.epoch]
    upper.plot(*zip(*rates, strict=True), "o", color=BEST, markersize=3)
    recorded = [epoch for epoch in group.epochs if epoch.gradient]
    numbers = [epoch.epoch for epoch in recorded]
    for key, color, dashes in (("max", TRAIN, (4.0, 2.0)), ("mean", VALIDATION, (1.0, 0.0))):
        marker = "s" if len(numbers) == 1 else None
        norms = [epoch.gradient[key] for epoch in recorded]
        lower.plot(numbers, norms, color=color, linewidth=1.4, dashes=dashes, marker=marker, markersize=3)
    lower.axhline(settings.clip_norm, color=COMMON, linewidth=1.2, linestyle=(0, (1, 1.5)), zorder=1)
    for axes, title in ((upper, "learning rate"), (lower, "gradient norm")):
        style(axes)
        axes.set_title(title, loc="left", color=MUTED, fontsize=8, pad=3)
        axes.set_xlim(0, own.epochs + 0.5)
        axes.set_ylim(bottom=0)
        axes.set_xticks(epoch_ticks(1, own.epochs, 8))
        axes.yaxis.set_major_locator(MaxNLocator(nbins=3))
    upper.set_xticklabels([])
    lower.set_xlabel("epoch", color=MUTED, fontsize=8)
    return to_svg(figure, f"Learning rate and gradient of group {group.name}", scales=True)


def closed_form(group: GroupState, settings: TrainSettings) -> tuple[list[float], list[float]]:
    """Epochs, counted by their ends, and learning rates, at about POINTS updates."""
    own, per_epoch = group.settings.over(settings), max(epoch.updates for epoch in group.epochs)
    total = own.epochs * per_epoch
    updates = sorted({*range(0, total, max(1, total // POINTS)), total - 1})
    rates = [group.peak * schedule_factor(update, total, own) for update in updates]
    return [(update + 1) / per_epoch for update in updates], rates


def rate_deviation(group: GroupState, settings: TrainSettings) -> float:
    """Largest distance of a recorded learning rate from the closed form at its update, as a share of the peak."""
    worst, own = 0.0, group.settings.over(settings)
    for epoch in group.epochs:
        if epoch.updates:
            factor = schedule_factor(epoch.epoch * epoch.updates - 1, own.epochs * epoch.updates, own)
            worst = max(worst, abs(epoch.learning_rate / group.peak - factor))
    return worst


def sweep_curve(group: GroupRates) -> Markup:
    """Validation loss by learning rate, with the noise of its difference from the chosen one as band."""
    figure = Figure(figsize=(3.3, 2.15))
    axes = figure.add_axes((0.135, 0.18, 0.835, 0.78))
    points = [(one.rate, one.loss, one.error) for one in group.complete if one.loss is not None]
    rates, losses = [rate for rate, _, _ in points], [loss for _, loss, _ in points]
    errors = [error or 0.0 for _, _, error in points]
    low = [loss - error for loss, error in zip(losses, errors, strict=True)]
    high = [loss + error for loss, error in zip(losses, errors, strict=True)]
    if len(points) == 1:
        axes.plot(rates * 2, [*low, *high], color=VALIDATION, linewidth=1.6, alpha=0.4)
    axes.fill_between(rates, low, high, color=VALIDATION, alpha=0.2, linewidth=0)
    axes.plot(rates, losses, "o-", color=VALIDATION, linewidth=1.6, markersize=3)
    for rate, loss, _ in points:
        if rate == group.one_se:
            axes.plot([rate], [loss], "D", mec=ONE_SE, mfc="none", mew=1.6, markersize=8)
        if rate == group.chosen:
            axes.plot([rate], [loss], "o", color=BEST, markersize=5, zorder=4)
    dropped = [one.rate for one in group.rates if one.loss is None]
    top = max(high) + 0.06 * ((max(high) - min(low)) or 1.0)
    axes.plot(dropped, [top] * len(dropped), "x", color=TRAIN, markersize=5, mew=1.4)
    _rate_axis(axes, [one.rate for one in group.rates])
    return to_svg(figure, f"Loss by learning rate of group {group.group}", scales=True)


def _rate_axis(axes: Axes, rates: list[float]) -> None:
    """A logarithmic axis whose ticks are the decades, or the smallest rate if there is none."""
    quiet(axes)
    axes.set_xscale("log")
    axes.minorticks_off()
    axes.grid(True, color=GRID, linewidth=0.6)
    axes.set_xlim(min(rates) / 1.6, max(rates) * 1.6)
    decades = [10.0**power for power in range(-12, 3) if min(rates) / 1.6 <= 10.0**power <= max(rates) * 1.6]
    axes.set_xticks(decades or [rates[0]])
    axes.set_xticklabels([f"{tick:g}" for tick in decades or [rates[0]]])
    axes.set_xlabel("learning rate", color=MUTED, fontsize=8)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5))
