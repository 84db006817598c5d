"""What the page shows of calibrated answers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from redheart_core.data.language import UNDETERMINED
from redheart_core.evaluation.calibrated import COVERAGES, CalibratedTask
from redheart_core.report import words
from redheart_core.report.axes import style
from redheart_core.report.plots_along import error_by_place, tracks
from redheart_core.report.plots_results import reliability
from redheart_core.report.svg import BEST, MUTED, to_svg


@attrs.frozen
class Outside:
    """How many labels lie outside, beside how many chance would put there."""

    labels: int
    outside: int
    by_chance: float

    @classmethod
    def of(cls, tasks: Sequence[CalibratedTask]) -> Outside:
        """Of all tasks and languages."""
        labels, outside = sum(len(one.cells) for one in tasks), sum(len(one.outside) for one in tasks)
        return cls(labels, outside, sum(one.outside_by_chance for one in tasks))

    @property
    def holds(self) -> bool:
        """Whether no more labels are outside than two standard deviations above what is expected by chance."""
        return self.outside <= self.by_chance + 2 * math.sqrt(self.by_chance)

    @property
    def sentence(self) -> str:
        """For people."""
        return (
            f"{self.outside} of {self.labels} labels by task and language have a coverage outside the interval that "
            f"chance allows; {self.by_chance:.1f} are expected by chance."
        )


def calibration_parts(tasks: Sequence[CalibratedTask]) -> dict[str, object]:
    """By the names in the template; tasks may be none."""
    return {
        "outside": Outside.of(tasks),
        "calibrated_reliability": {
            _name(one): reliability(one.reliability, f"the answer on {_name(one)}") for one in tasks if one.reliability
        },
        "along": {
            f"{_name(one)}, {along.label} ({along.unit})": (
                tracks(along, _name(one)),
                error_by_place(along, _name(one)),
            )
            for one in tasks
            for along in one.along
        },
        "steps": {
            f"{_name(one)}, {along.label}": tuple(zip(along.errors, along.widths, along.covered, strict=True))
            for one in tasks
            for along in one.along
            if along.covered
        },
        "risk_curves": [(one, risk_curve(one)) for one in tasks if one.risks],
    }


def risk_curve(task: CalibratedTask) -> Markup:
    """The mean loss by the share of records that is answered."""
    figure = Figure(figsize=(3.3, 1.9))
    axes = figure.add_axes((0.175, 0.215, 0.795, 0.745))
    axes.axhline(task.risks[-1], color=MUTED, linewidth=1, linestyle=(0, (1, 1.5)))
    axes.plot([100 * share for share in COVERAGES], task.risks, "o-", color=BEST, linewidth=1.4, markersize=3.5)
    style(axes)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4))
    axes.set_xlabel("answered (%)", color=MUTED, fontsize=8)
    losses = ", ".join(words.number(risk) for risk in task.risks)
    return to_svg(figure, f"Mean loss on {_name(task)} of the surest 50 to 100 %: {losses}", scales=True)


def _name(task: CalibratedTask) -> str:
    return task.field if task.language == UNDETERMINED else f"{task.field}, {task.language}"
