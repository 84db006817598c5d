"""The plots of results: variants with intervals, calibration and confusion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from redheart_core.evaluation.calibrated import Bin
from redheart_core.evaluation.results import Confusion, MetricTable
from redheart_core.exact.interval import Interval
from redheart_core.report.axes import style
from redheart_core.report.svg import BEST, GRID, INK, MUTED, TRAIN, VALIDATION, fit, shorten, text_width, to_svg

Figures = Mapping[str, Interval]
ROW, BOTTOM, TOP = 0.22, 0.28, 0.04
"""Inches."""


def comparison(table: MetricTable, variants: Sequence[str], models: Sequence[str]) -> Markup:
    """One metric of all variants with 95 % intervals; the dotted line is the constant predictor."""
    line = table.figures["constant"].value if "constant" in table.figures else None
    figures = {name: table.figures[name] for name in variants}
    return forest(figures, models, ("crossover",), line, f"{table.metric} on the test split")


def forest(
    figures: Figures, round_ones: Sequence[str], marked: Sequence[str], line: float | None, label: str
) -> Markup:
    """Figures with their intervals, one below another.

    Args:
        figures: By name.
        round_ones: Names with a round mark; the others, baselines, have a square one in grey.
        marked: Names that stand out.
        line: Where a dotted line is.
        label: What it shows.
    """
    height = ROW * len(figures) + BOTTOM + TOP
    drawing = Figure(figsize=(3.3, height))
    axes = drawing.add_axes((0.385, BOTTOM / height, 0.585, ROW * len(figures) / height))
    if line is not None:
        axes.axvline(line, color=MUTED, linewidth=1, linestyle=(0, (1, 1.5)), zorder=1)
    for y, (name, one) in enumerate(figures.items()):
        color = BEST if name in marked else VALIDATION if name in round_ones else TRAIN
        if one.low is not None and one.high is not None:
            axes.plot([one.low, one.high], [y, y], color=color, linewidth=1.8, solid_capstyle="butt")
        if one.value is not None:
            axes.plot([one.value], [y], "o" if name in round_ones else "s", color=color, markersize=5)
        _name_row(axes, y, name)
    _rows(axes, len(figures))
    return to_svg(drawing, label, scales=True)


def cost_forest(costs: Sequence[tuple[str, Interval, Interval]]) -> Markup:
    """What a common epoch costs, relative to the best loss in percent: as it appears, and corrected.

    Args:
        costs: Name, apparent and corrected cost.
    """
    height = 1.5 * ROW * len(costs) + BOTTOM + TOP
    drawing = Figure(figsize=(3.3, height))
    axes = drawing.add_axes((0.385, BOTTOM / height, 0.585, 1.5 * ROW * len(costs) / height))
    axes.axvline(0, color=MUTED, linewidth=1, linestyle=(0, (1, 1.5)), zorder=1)
    for y, (name, *both) in enumerate(costs):
        for one, shift, color, mark in zip(both, (-0.17, 0.17), (TRAIN, BEST), ("s", "o"), strict=True):
            if one.low is not None and one.high is not None:
                ends = [100 * one.low, 100 * one.high]
                axes.plot(ends, [y + shift] * 2, color=color, linewidth=1.8, solid_capstyle="butt")
            if one.value is not None:
                axes.plot([100 * one.value], [y + shift], mark, color=color, markersize=4.5)
        _name_row(axes, y, name)
    _rows(axes, len(costs))
    return to_svg(drawing, "Cost of one common epoch, percent of the best loss", scales=True)


def _name_row(axes: Axes, y: int, name: str) -> None:
    shown = fit(name, 8, 1.25)
    label = axes.text(-0.03, y, shown, ha="right", va="center", color=INK, fontsize=8, parse_math=False)
    label.set_transform(axes.get_yaxis_transform())


def _rows(axes: Axes, count: int) -> None:
    style(axes)
    axes.set_ylim(count - 0.5, -0.5)
    axes.set_yticks([])
    axes.xaxis.set_major_locator(MaxNLocator(nbins=4))
    axes.margins(x=0.08)
    axes.spines["left"].set_visible(False)


def reliability(bins: Sequence[Bin], metric: str) -> Markup:
    """What came true by what was predicted, above how often each prediction is made."""
    figure = Figure(figsize=(3.3, 2.75))
    upper, lower = figure.add_axes((0.135, 0.365, 0.835, 0.6)), figure.add_axes((0.135, 0.15, 0.835, 0.17))
    upper.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (1, 1.5)))
    confidence = [one.confidence for one in bins]
    upper.plot(confidence, [one.correct for one in bins], "o-", color=BEST, linewidth=1.4, markersize=3.5)
    total = sum(one.count for one in bins)
    lower.vlines(confidence, 0, [one.count / total for one in bins], color=VALIDATION, linewidth=4)
    for axes in (upper, lower):
        style(axes)
        axes.set_xlim(-0.03, 1.03)
    upper.set_ylim(-0.03, 1.03)
    upper.set_xticklabels([])
    lower.set_ylim(bottom=0)
    lower.yaxis.set_major_locator(MaxNLocator(nbins=2))
    lower.set_xlabel("predicted", color=MUTED, fontsize=8)
    return to_svg(figure, f"Reliability behind {metric}", scales=True)


def confusion(table: Confusion, metric: str) -> Markup:
    """Records by true label (rows) and predicted label (columns), shaded by the share of their row."""
    names, size, cell = [shorten(label, 16) for label in table.labels], len(table.labels), 0.36
    margin = max(text_width(name, 8) for name in names)
    left, top = margin + 0.34, margin + 0.38
    width, height = left + cell * size + 0.06, top + cell * size + 0.06
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((left / width, 0.06 / height, cell * size / width, cell * size / height))
    for y, row in enumerate(table.counts):
        for x, count in enumerate(row):
            share = 0.62 * count / (sum(row) or 1)
            place = (x - 0.47, y - 0.47)
            axes.add_patch(Rectangle(place, 0.94, 0.94, facecolor=VALIDATION, alpha=share, linewidth=0))
            if x == y:
                axes.add_patch(Rectangle(place, 0.94, 0.94, fill=False, edgecolor=GRID, linewidth=1))
            axes.text(x, y, str(count), ha="center", va="center", color=INK if count else MUTED, fontsize=7)
        axes.text(-0.65, y, names[y], ha="right", va="center", color=INK, fontsize=8, parse_math=False)
        axes.text(y, -0.65, names[y], ha="center", va="bottom", color=INK, fontsize=8, rotation=90, parse_math=False)
    middle, edge = (size - 1) / 2, -0.65 - (margin + 0.08) / cell
    axes.text(edge, middle, "true", ha="right", va="center", color=MUTED, fontsize=8, rotation=90)
    axes.text(middle, edge, "predicted", ha="center", va="bottom", color=MUTED, fontsize=8)
    axes.set_xlim(-0.5, size - 0.5)
    axes.set_ylim(size - 0.5, -0.5)
    axes.axis("off")
    return to_svg(figure, f"Confusion behind {metric}", scales=False)
