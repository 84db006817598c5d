"""A run as its page shows it: curves, the heat map of epochs, and what was chosen."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from redheart_server.run_folder import read_choices

if TYPE_CHECKING:
    from redheart_core.evaluation.results import Evaluation
    from redheart_core.runs.history import EpochRecord
    from redheart_core.runs.status import GroupStatus, RunStatus

WIDTH, HEIGHT, LEFT, TOP = 300, 120, 44, 10
"""Of a plot, without and with its margins."""
LEVELS = 9
"""Shades of the heat map; 0 is the palest."""


@attrs.frozen
class Curve:
    """The losses of a group, or the returns of an agent, as points of an SVG polyline."""

    group: str
    train: str
    """Empty of an agent, whose returns are in another unit than its losses."""
    validation: str
    best: tuple[float, float] | None
    best_epoch: str
    low: str
    high: str
    first: int
    last: int
    newest: EpochRecord
    worth: str
    """Newest validation loss or return."""


@attrs.frozen
class Cell:
    """One epoch of a group in the heat map."""

    epoch: int
    loss: str
    """Or the return."""
    above: str
    """The excess over the lowest loss of the group, or what is lacking to the highest return, in words."""
    level: int
    best: bool


def curves(status: RunStatus, returns: bool = False) -> tuple[Curve, ...]:
    """Of each group that has an epoch; of returns for agents, whose losses are those with the sign changed."""
    return tuple(_curve(group, returns) for group in status.groups if group.epochs)


def heat_rows(status: RunStatus, returns: bool = False) -> tuple[tuple[str, tuple[Cell | None, ...]], ...]:
    """Group to a cell for each epoch from the first to the last of all; None where it has none."""
    numbers = heat_epochs(status)
    rows = []
    for group in status.groups:
        cells = {cell.epoch: cell for cell in _cells(group, returns)}
        if cells:
            rows.append((group.name, tuple(cells.get(number) for number in numbers)))
    return tuple(rows)


def heat_epochs(status: RunStatus) -> range:
    """All epochs of all groups."""
    numbers = [epoch.epoch for group in status.groups for epoch in group.epochs]
    return range(min(numbers), max(numbers) + 1) if numbers else range(0)


def duration(seconds: float) -> str:
    """Hours, minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def size_words(count: float) -> str:
    """Bytes for people."""
    units = ("B", "kB", "MB", "GB", "TB")
    place = min(len(units) - 1, int(math.log10(count) // 3) if count >= 1 else 0)
    return f"{count / 1000**place:.0f} {units[place]}" if place < 3 else f"{count / 1000**place:.1f} {units[place]}"


def choices(path: Path) -> dict[str, Any]:
    """What was chosen among the epochs and what it is worth, as far as it was computed; and what is damaged of it."""
    found = read_choices(path)
    return {
        "sweetspot": found.sweetspot,
        "methods": found.methods,
        "variants": [] if found.evaluation is None else list(_variants(found.evaluation)),
        "damages": found.damages,
    }


def _variants(evaluation: Evaluation) -> Iterator[tuple[str, str, str]]:
    """Each way to make a model with its mean skill, and how much higher that is than of the best common epoch."""
    for name in evaluation.variants:
        yield name, evaluation.skill[name].in_words(), evaluation.skill_gains[name].in_words("+")


def _curve(group: GroupStatus, returns: bool) -> Curve:
    sign = -1 if returns else 1
    trained = [] if returns else [(one.epoch, one.train_loss) for one in group.epochs]
    validated = [(one.epoch, sign * one.validation_loss) for one in group.epochs]
    losses = [loss for _, loss in (*trained, *validated)]
    low, high = min(losses), max(losses)
    first, last = group.epochs[0].epoch, max(group.planned, group.epochs[-1].epoch)

    def place(epoch: int, loss: float) -> tuple[float, float]:
        across = (epoch - first) / (last - first) if last > first else 0.5
        down = (high - loss) / (high - low) if high > low else 0.5
        return round(LEFT + WIDTH * across, 1), round(TOP + HEIGHT * down, 1)

    def points(pairs: Sequence[tuple[int, float]]) -> str:
        return " ".join("{},{}".format(*place(*pair)) for pair in pairs)

    best = group.best
    return Curve(
        group.name,
        points(trained),
        points(validated),
        None if best is None else place(best.epoch, sign * best.validation_loss),
        "" if best is None else best.name,
        f"{low:.3g}",
        f"{high:.3g}",
        first,
        last,
        group.epochs[-1],
        f"{validated[-1][1]:.4f}",
    )


def _cells(group: GroupStatus, returns: bool) -> Iterator[Cell]:
    losses = [epoch.validation_loss for epoch in group.epochs]
    low, spread = min(losses, default=0.0), max(losses, default=0.0) - min(losses, default=0.0)
    for epoch, loss in zip(group.epochs, losses, strict=True):
        above = (loss - low) / abs(low) if low else math.nan
        near = 1.0 if not spread else 1.0 - (loss - low) / spread
        words = f"{above:+.1%}" if math.isfinite(above) else f"{loss - low:+.3g}"
        if returns:  # a share of a return says nothing, as it depends on where 0 is
            words = f"{low - loss:+.3g}" if loss > low else "0"
        yield Cell(epoch.epoch, f"{-loss if returns else loss:.4f}", words, round(LEVELS * near), loss == low)
