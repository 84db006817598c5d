"""The plots of answers along an axis: a few records with intervals, and the error at each place."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from redheart_core.evaluation.calibrated import Along
from redheart_core.report import words
from redheart_core.report.axes import style
from redheart_core.report.svg import BEST, INK, MUTED, VALIDATION, to_svg


def tracks(along: Along, name: str) -> Markup:
    """Answers with their intervals and what came true, a panel for each record."""
    count = len(along.tracks)
    figure = Figure(figsize=(3.3, 1.3 * count + 0.2))
    for place, track in enumerate(along.tracks):
        share = 1.3 / (1.3 * count + 0.2)
        axes = figure.add_axes((0.175, 1.0 - share * (place + 1) + 0.05, 0.795, share - 0.09))
        steps = list(range(1, len(track.answer) + 1))
        low, high = _drawn(track.low), _drawn(track.high)
        axes.fill_between(steps, low, high, color=VALIDATION, alpha=0.25, linewidth=0)
        axes.plot(steps, _drawn(track.answer), "-", color=BEST, linewidth=1.4)
        axes.plot(steps, _drawn(track.truth), "o", color=INK, markersize=3)
        style(axes)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(nbins=4))
        axes.set_xlabel("step", color=MUTED, fontsize=8)
    return to_svg(
        figure, f"Answers of {name} with intervals and truth on {words.plural(count, 'test record')}", scales=True
    )


def error_by_place(along: Along, name: str) -> Markup:
    """The mean absolute error at each place of the axis."""
    figure = Figure(figsize=(3.3, 1.9))
    axes = figure.add_axes((0.175, 0.215, 0.795, 0.745))
    steps = list(range(1, len(along.errors) + 1))
    axes.plot(steps, _drawn(along.errors), "o-", color=BEST, linewidth=1.4, markersize=3.5)
    style(axes)
    axes.set_ylim(0, 1.1 * max((error for error in along.errors if error is not None), default=0.0) or None)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4))
    axes.set_xlabel("step", color=MUTED, fontsize=8)
    said = ", ".join(words.number(error) for error in along.errors)
    return to_svg(figure, f"Mean absolute error of {name} by step: {said}", scales=True)


def _drawn(values: Sequence[float | None]) -> list[float]:
    return [math.nan if value is None else value for value in values]
