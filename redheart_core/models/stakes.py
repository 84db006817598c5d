"""What is at stake in a text, and whether an answer is sure enough for that.

What a page says of a text are claims: that a label is 1, that a share or value is above or below what is usual. The
higher the stakes, the more probable a claim has to be: a label by its probability; another number by a conformal
interval around it, at that confidence, on one side of what is usual (Vovk et al. 2005).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import attrs
import numpy as np

from redheart_core.contract.errors import PluginError
from redheart_core.contract.layers import LayerSpec, LayerTexts
from redheart_core.models.abstaining import Abstention, Silence
from redheart_core.models.calibration import SURENESS, CalibrationPart
from redheart_core.models.findings import Answer
from redheart_core.models.limits import notes_of_texts, score_texts
from redheart_core.models.model import Model

STAKES = ("usual", "raised", "high")


@attrs.frozen
class Context:
    """What the layers of context find in a text."""

    stakes: str = STAKES[0]
    """The highest that a layer finds."""
    notes: Mapping[str, Sequence[str]] = attrs.field(factory=dict)
    """What is named in the text: heading to names."""

    @property
    def sureness(self) -> float:
        """How probable a claim has to be."""
        return SURENESS[STAKES.index(self.stakes)]


def read_contexts(layers: Sequence[LayerSpec], texts: LayerTexts) -> list[Context]:
    """What layers of context find in each text.

    Raises:
        PluginError: A layer fails or gives other stakes than 0, 1 and 2.
    """
    levels, notes = [0] * len(texts.texts), [dict[str, tuple[str, ...]]() for _ in texts.texts]
    for layer in layers:
        scores = score_texts(layer, {}, texts)
        if not np.isin(scores, (0.0, 1.0, 2.0)).all():
            raise PluginError(f"plugin '{layer.name}' has to give stakes of 0, 1 or 2, gave {scores.tolist()!r:.200}")
        levels = [max(level, int(score)) for level, score in zip(levels, scores.tolist(), strict=True)]
        for own, said in zip(notes, notes_of_texts(layer, {}, texts) if layer.notes else (), strict=True):
            for heading, names in said.items():
                own[heading] = tuple(dict.fromkeys((*own.get(heading, ()), *names)))
    return [Context(STAKES[level], own) for level, own in zip(levels, notes, strict=True)]


def weigh_answers(
    model: Model, answers: Sequence[Answer], context: Context, kind: str | None
) -> tuple[tuple[Answer, ...], tuple[Abstention, ...]]:
    """The answers with their claims that are not sure enough, and, where stakes are high, those that are held back.

    An answer is held back if it claims something and none of it is sure enough; its number stays among the findings.

    Args:
        model: Which gave the answers.
        answers: On a text.
        context: Of the text.
        kind: Of the text.
    """
    weighed = [attrs.evolve(one, unsure=tuple(_unsure(model, one, context, kind))) for one in answers]
    high = context.stakes == STAKES[-1]
    held = [one for one in weighed if high and one.unsure and len(one.unsure) == len(one.telling)]
    kept = tuple(one for one in weighed if one not in held)
    return kept, tuple(Abstention(one.field, (_silence(one, context),)) for one in held)


def _unsure(model: Model, answer: Answer, context: Context, kind: str | None) -> Iterator[str]:
    """The labels whose claims are not sure enough; all of an answer that is not calibrated."""
    own = _calibration(model, answer, kind)
    for value in answer.telling:
        if answer.certainty is None or own is None:
            yield value.label
        elif answer.about.binary:
            if value.value < context.sureness:
                yield value.label
        elif value.training_mean is not None:
            cell = own.cells[answer.about.elements.index(value.label)]
            width = cell.width(context.sureness)
            if width is None or abs(value.value - value.training_mean) <= width:
                yield value.label


def _calibration(model: Model, answer: Answer, kind: str | None) -> CalibrationPart | None:
    if model.calibration is None:
        return None
    source = model.calibration.of(answer.finding.plugin, answer.finding.output, answer.field)
    return None if source is None else source.at(kind)


def _silence(answer: Answer, context: Context) -> Silence:
    need = f"where stakes are {context.stakes} it has to be {context.sureness:.0%} sure"
    if answer.certainty is None:
        return Silence(
            f"{need}, and how sure it is is not known, as it is not calibrated", "a model that is calibrated"
        )
    return Silence(f"{need}, and it is not", "--details shows its numbers")
