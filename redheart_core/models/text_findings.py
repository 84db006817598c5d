"""What a model's plugins say of texts: every evaluated output with its label names, source and distance from the usual.

Outputs come for many texts at once; a finding is of one text.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from torch import Tensor

from redheart_core.groups.group import Group
from redheart_core.models.abstaining import Place
from redheart_core.models.calibrating import outermost
from redheart_core.models.evaluated import EvaluatedOutput
from redheart_core.models.findings import Finding, LabelValue
from redheart_core.models.model import Model


def findings_of_texts(
    model: Model,
    outputs: Mapping[str, Tensor],
    spreads: Mapping[str, Tensor],
    silent: Sequence[Collection[Place]],
    chunks: int,
) -> list[tuple[Finding, ...]]:
    """The findings on each of B texts.

    Args:
        model: The model.
        outputs: "node.output" to (B, *shape).
        spreads: The same of ensembles, the members' standard deviations.
        silent: For each text the sources that do not answer it.
        chunks: Of every text. Where there are several, parts of a group may never have seen such a text.
    """
    found: list[list[Finding]] = [[] for _ in silent]
    for group in model.groups:
        if group.name in model.absent:
            continue
        warning = _warning(model, group) if chunks > 1 else ""
        for evaluated in model.evaluated[group.name]:
            speaking = [row for row, places in enumerate(silent) if evaluated.place not in places]
            plugin, output, field = evaluated.place
            ends = _outer(evaluated, outputs, speaking)
            about = plugin, output, field, group.name, evaluated.epoch, evaluated.unit
            for row, values, outer in zip(speaking, _values(evaluated, outputs, spreads, speaking), ends, strict=True):
                found[row].append(Finding(*about, values, warning, outer))
    return [tuple(own) for own in found]


def _values(
    evaluated: EvaluatedOutput, outputs: Mapping[str, Tensor], spreads: Mapping[str, Tensor], rows: Sequence[int]
) -> Iterator[tuple[LabelValue, ...]]:
    """The numbers of an output for some of the texts."""
    labels, usual = evaluated.labels, evaluated.usual
    numbers = _lists(outputs[evaluated.name], rows, len(labels))
    apart: Sequence[Sequence[float | None]] = [[None] * len(labels)] * len(rows)
    if evaluated.name in spreads:
        apart = _lists(spreads[evaluated.name], rows, len(labels))
    for own, spread in zip(numbers, apart, strict=True):
        deviations = [one.deviations(number) for one, number in zip(usual, own, strict=True)]
        yield tuple(map(LabelValue, labels, own, evaluated.means, deviations, evaluated.thresholds, spread))


def _outer(
    evaluated: EvaluatedOutput, outputs: Mapping[str, Tensor], rows: Sequence[int]
) -> Sequence[tuple[tuple[float, ...], tuple[float, ...]] | None]:
    """The lowest and the highest quantile of each number, for some of the texts; None where a node gives none."""
    if evaluated.quantiles is None:
        return [None] * len(rows)
    low, high = outermost(outputs[evaluated.quantiles][list(rows)])
    return [(tuple(one), tuple(other)) for one, other in zip(low.tolist(), high.tolist(), strict=True)]


def _lists(numbers: Tensor, rows: Sequence[int], size: int) -> list[list[float]]:
    """Some rows of (B, *shape) as numbers; all of them are not copied first."""
    some = numbers if len(rows) == len(numbers) else numbers[rows]
    found: list[list[float]] = some.reshape(len(rows), size).tolist()
    return found


def _warning(model: Model, group: Group) -> str:
    names = model.untrained(group)
    if not names:
        return ""
    count = sum(len(model.manifest.groups[name].untrained) for name in names)
    return (
        f"group {', '.join(names)} was trained on texts of one chunk, and this text has several: {count} parameters "
        f"that weigh and order chunks have their initial values; give a text of at most "
        f"{model.encoder_identity.chunk_chars} characters, or train on longer ones"
    )
