"""What the plots of a report have in common."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.ticker import ScalarFormatter

from redheart_core.report.svg import GRID, MUTED


def style(axes: Axes) -> None:
    """Grid, quiet ticks, and numbers without a common offset."""
    quiet(axes)
    axes.grid(True, color=GRID, linewidth=0.6)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(ScalarFormatter(useOffset=False))


def quiet(axes: Axes) -> None:
    """Ticks without marks, and no frame above and to the right."""
    axes.set_axisbelow(True)
    axes.tick_params(which="both", colors=MUTED, labelsize=8, length=0)
    for name in ("top", "right"):
        axes.spines[name].set_visible(False)
    for name in ("left", "bottom"):
        axes.spines[name].set_color(GRID)


def epoch_ticks(first: int, last: int, most: int) -> list[int]:
    """The first epochs and round numbers, at most so many and three more."""
    step = next(step for step in (1, 5, 10, 20, 50, 100, last) if last / step <= most)
    return sorted({first, 1, *range(step, last + 1, step)})
