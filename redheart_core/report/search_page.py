"""The HTML page of an automated choice of settings: what each group could have, what matters, what was not worth it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator

from redheart_core.evaluation.switching import Left
from redheart_core.report.axes import quiet, style
from redheart_core.report.page import templates
from redheart_core.report.svg import BEST, INK, MUTED, TRAIN, VALIDATION, fit, to_svg
from redheart_core.storage.files import write_bytes
from redheart_core.tuning.auto import AutoResult
from redheart_core.tuning.choice import CandidateRow, GroupChoice
from redheart_core.tuning.choice_words import candidate_name, short_name, verdict

SETTINGS = 10
"""Of a group, that are drawn; the others matter less."""


def write_search_page(result: AutoResult, off: Sequence[Left], run: Path, output: Path) -> None:
    """Write one HTML file that shows what was searched and chosen, with all it needs inside.

    Args:
        result: What was found.
        off: Groups that the fusions do without.
        run: Folder of the run, for its name.
        output: The file; replaced whole or not at all.

    Raises:
        FileError: The file cannot be written.
    """
    write_bytes(output, render_search(result, off, run).encode())


def render_search(result: AutoResult, off: Sequence[Left], run: Path) -> str:
    """The page as text."""
    return (
        templates()
        .get_template("search.html.j2")
        .render(
            title=f"redheart auto {run.resolve().name}",
            run=run,
            result=result,
            off=off,
            verdicts={one.group: verdict(one) for one in result.groups},
            candidate_name=candidate_name,
            short_name=short_name,
            fronts={one.group: front(one) for one in result.groups if len(one.candidates) > 1},
            importance={one.group: importance(one) for one in result.groups if one.rows},
        )
    )


def front(choice: GroupChoice) -> Markup:
    """Validation losses by the arithmetic of an answer; candidates that no other one beats are joined."""
    figure = Figure(figsize=(3.3, 2.3))
    axes = figure.add_axes((0.19, 0.18, 0.785, 0.78))
    for one in choice.candidates:
        at = [_millions(one)], [one.loss]
        axes.plot(*at, "s" if one.number < 0 else "o", color=VALIDATION if one.front else TRAIN, markersize=4.5)
    kept = sorted((_millions(one), one.loss) for one in choice.candidates if one.front)
    axes.plot([x for x, _ in kept], [y for _, y in kept], color=VALIDATION, linewidth=1, zorder=1)
    taken = choice.candidate(choice.chosen)
    axes.plot([_millions(taken)], [taken.loss], "o", color=BEST, markersize=8, fillstyle="none", markeredgewidth=1.6)
    style(axes)
    axes.margins(0.09)
    axes.set_xlabel("MFLOP of an answer", color=MUTED, fontsize=8)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5))
    return to_svg(figure, f"Validation loss of the candidates of {choice.group} by arithmetic", scales=True)


def importance(choice: GroupChoice) -> Markup:
    """The share of the variance of the loss that goes back to each setting; strong where it is beyond chance."""
    shown = choice.rows[:SETTINGS]
    height = 0.22 * len(shown) + 0.34
    figure = Figure(figsize=(3.3, height))
    axes = figure.add_axes((0.46, 0.3 / height, 0.51, 0.22 * len(shown) / height))
    for y, row in enumerate(shown):
        axes.barh(y, 100 * (row.importance or 0.0), 0.6, color=BEST if row.matters else TRAIN)
        label = axes.text(
            -0.03, y, fit(short_name(row.name, choice.group), 8, 1.45), ha="right", va="center", color=INK, fontsize=8
        )
        label.set_transform(axes.get_yaxis_transform())
    quiet(axes)
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.yaxis.set_major_locator(NullLocator())
    axes.xaxis.set_major_locator(MaxNLocator(nbins=4))
    axes.set_xlabel("% of the variance of the loss", color=MUTED, fontsize=8)
    return to_svg(figure, f"How much each setting of {choice.group} matters", scales=True)


def _millions(one: CandidateRow) -> float:
    return one.cost.flops / 1e6
