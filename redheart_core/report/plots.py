"""The plots of epochs: learning curves, heat map, sparklines, the cost of a common epoch."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from redheart_core.report.axes import epoch_ticks, style
from redheart_core.report.contents import GroupState
from redheart_core.report.contents_choices import Choices
from redheart_core.report.svg import (
    BEST,
    COMMON,
    INK,
    MUTED,
    ONE_SE,
    TRAIN,
    VALIDATION,
    shorten,
    text_width,
    to_svg,
)

EXCESS_STEPS = (0.0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
"""Lower bounds of the heat map's colours: validation loss relative to the group's best, minus one."""
EXCESS_COLORS = ("#fde737", "#d8d35b", "#b4b06f", "#948f78", "#76737a", "#5a5a79", "#3b4a7a", "#12305f")
"""Cividis from light to dark, which colour-blind readers see alike (Nunez et al. 2018)."""


def learning_curves(group: GroupState, choices: Choices | None) -> Markup:
    """Train and validation loss by epoch, with the chosen epochs on the validation curve."""
    figure = Figure(figsize=(3.3, 2.15))
    axes = figure.add_axes((0.135, 0.18, 0.835, 0.78))
    numbers = [epoch.epoch for epoch in group.epochs]
    losses = [epoch.validation_loss for epoch in group.epochs]
    axes.plot(numbers, [epoch.train_loss for epoch in group.epochs], color=TRAIN, linewidth=1.4, linestyle=(0, (4, 2)))
    axes.plot(numbers, losses, color=VALIDATION, linewidth=1.6)
    if len(numbers) == 1:
        axes.plot(numbers, losses, "s", color=VALIDATION, markersize=4)
    averages = [(epoch.epoch, epoch.validation_loss) for epoch in group.averages]
    if averages:
        axes.plot(*zip(*averages, strict=True), "^", mec=VALIDATION, mfc="none", mew=1, markersize=4)
    chosen = choices.groups.get(group.name) if choices else None
    if chosen:
        axes.axvspan(chosen.low - 0.4, chosen.high + 0.4, color=BEST, alpha=0.16, linewidth=0, zorder=0)
        axes.axvline(chosen.common, color=COMMON, linewidth=1.2, linestyle=(0, (1, 1.5)), zorder=1)
        if chosen.one_se is not None:
            one_se = group.at(chosen.one_se)
            axes.plot([one_se.epoch], [one_se.validation_loss], "D", mec=ONE_SE, mfc="none", mew=1.6, markersize=8)
    axes.plot([group.best.epoch], [group.best.validation_loss], "o", color=BEST, markersize=5, zorder=4)
    style(axes)
    axes.set_xlim(min(numbers) - 0.5, max(numbers) + 0.5)
    axes.set_xlabel("epoch", color=MUTED, fontsize=8)
    axes.set_xticks(epoch_ticks(min(1, *numbers), max(numbers), 8))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5))
    return to_svg(figure, f"Learning curves of group {group.name}", scales=True)


def heat_map(groups: Sequence[GroupState], choices: Choices | None) -> Markup:
    """Groups by epochs, coloured by the validation loss relative to the group's best."""
    numbers = [epoch.epoch for group in groups for epoch in group.epochs]
    first, last = min(1, *numbers), max(numbers)
    names = [shorten(group.name, 32) for group in groups]
    left = max(text_width(name, 8.5) for name in names) + 0.15
    columns = last + 1 - first
    cell = min(0.36, max(0.15, 7.6 / columns))
    row, top, bottom = 0.3, 0.08, 0.42
    width, height = left + cell * columns + 0.12, row * len(groups) + top + bottom
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((left / width, bottom / height, cell * columns / width, row * len(groups) / height))
    for y, group in enumerate(groups):
        for epoch in group.epochs:
            color = excess_color(group.excess(epoch))
            axes.add_patch(Rectangle((epoch.epoch - 0.46, y - 0.44), 0.92, 0.88, facecolor=color, linewidth=0))
        axes.text(
            first - 0.5 - 0.07 / cell, y, names[y], ha="right", va="center", color=INK, fontsize=8.5, parse_math=False
        )
        chosen = choices.groups.get(group.name) if choices else None
        if chosen:
            axes.plot([chosen.low - 0.4, chosen.high + 0.4], [y + 0.4] * 2, color=BEST, linewidth=2.2)
            if chosen.one_se is not None:
                axes.plot([chosen.one_se], [y], "D", mec="#000000", mfc="#ffffff", mew=0.8, markersize=8.5)
            axes.add_patch(
                Rectangle((chosen.common - 0.46, y - 0.44), 0.92, 0.88, fill=False, edgecolor=COMMON, linewidth=1.8)
            )
        axes.plot([group.best.epoch], [y], "o", mec="#000000", mfc="#d55e00", mew=0.8, markersize=4.8)
    axes.set_xlim(first - 0.5, last + 0.5)
    axes.set_ylim(len(groups) - 0.5, -0.5)
    axes.set_yticks([])
    axes.set_xticks(epoch_ticks(first, last, 15))
    axes.tick_params(colors=MUTED, labelsize=8, length=2)
    axes.set_xlabel("epoch", color=MUTED, fontsize=8)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return to_svg(figure, "Validation loss of each group and epoch relative to the group's best", scales=False)


def excess_color(excess: float) -> str:
    """The heat map's colour of a relative excess."""
    step = max((index for index, bound in enumerate(EXCESS_STEPS) if excess >= bound), default=0)
    return EXCESS_COLORS[step]


def sparkline(values: Sequence[float | None], marked: int) -> Markup:
    """A small curve with a dot at one position; drawn by hand, as there may be hundreds. Empty without any value."""
    width, height, margin = 110.0, 22.0, 3.5
    defined = [value for value in values if value is not None]
    if not defined:
        return Markup("")
    low, high = min(defined), max(defined)
    span = high - low or 1.0
    step = (width - 2 * margin) / max(1, len(values) - 1)
    points = {
        index: (margin + step * index, height - margin - (height - 2 * margin) * (value - low) / span)
        for index, value in enumerate(values)
        if value is not None
    }
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points.values())
    dots = [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.8"/>' for x, y in [points[marked]]] if marked in points else []
    return Markup(
        f'<svg class="spark" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" role="img" '
        f'aria-label="curve over {len(values)} epochs"><polyline points="{path}"/>'
        f"{''.join(dots)}</svg>"
    )
