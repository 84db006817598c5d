"""What a model's plugins say of texts: every evaluated output with its label names, source and distance from the usual.

Outputs come for many texts at once; a finding is of one text.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import attrs
from torch import Tensor

from redheart_core.groups.group import Group
from redheart_core.models.abstaining import Place
from redheart_core.models.findings import Finding, LabelValue
from redheart_core.models.model import Model


@attrs.frozen
class _Evaluated:
    """An output that was evaluated against a field, and what its findings have in common."""

    place: Place
    group: Group
    epoch: int | None
    unit: str

    @property
    def name(self) -> str:
        """Of the output."""
        return f"{self.place[0]}.{self.place[1]}"


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
        for evaluated in _evaluated(model, group):
            speaking = [row for row, places in enumerate(silent) if evaluated.place not in places]
            for row, values in zip(speaking, _values(model, evaluated, outputs, spreads, speaking), strict=True):
                plugin, output, field = evaluated.place
                found[row].append(
                    Finding(plugin, output, field, group.name, evaluated.epoch, evaluated.unit, values, warning)
                )
    return [tuple(own) for own in found]


def _evaluated(model: Model, group: Group) -> Iterator[_Evaluated]:
    """The outputs of a group that were evaluated; one that was taken at epoch 0 has learnt nothing of its own."""
    module, epoch = model.modules[group.name], model.manifest.groups[group.name].epoch
    for node in group.nodes:
        objective = module.objectives.get(node.name)
        pairs = {(one.output, one.target): None for one in objective.metrics} if objective else {}
        if epoch == 0:  # all else is untrained there
            pairs = {pair: None for pair in pairs if pair[0] == pair[1] in node.residual_fields}
        for output, target in pairs:
            unit = model.fields[target].unit if node.spec.output(output).form == "values" else "1"
            yield _Evaluated((node.name, output, target), group, epoch, unit)


def _values(
    model: Model,
    evaluated: _Evaluated,
    outputs: Mapping[str, Tensor],
    spreads: Mapping[str, Tensor],
    rows: Sequence[int],
) -> Iterator[tuple[LabelValue, ...]]:
    """The numbers of an output for some of the texts."""
    labels, statistics = model.fields[evaluated.place[2]].elements, model.manifest.statistics[evaluated.place[2]]
    usual = [statistics[label] for label in labels]
    means = [one.mean for one in usual]
    numbers = outputs[evaluated.name][rows].reshape(len(rows), len(labels)).tolist()
    thresholds = model.manifest.groups[evaluated.group.name].thresholds.get(evaluated.name, [None] * len(labels))
    apart: Sequence[Sequence[float | None]] = [[None] * len(labels)] * len(rows)
    if evaluated.name in spreads:
        apart = spreads[evaluated.name][rows].reshape(len(rows), len(labels)).tolist()
    for own, spread in zip(numbers, apart, strict=True):
        deviations = [one.deviations(number) for one, number in zip(usual, own, strict=True)]
        yield tuple(map(LabelValue, labels, own, means, deviations, thresholds, spread))


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
