"""What each member adds to a fused answer: exactly, as the fusion is a known function of what its members say.

The worth of some members is what the fusion makes of them where all others say what is usual, the mean over the
training records. What a member adds is its Shapley value over all sets of members, so that the contributions sum to the
difference between the answer and what the fusion makes of usual members.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import attrs
import numpy as np
import torch
from torch import Tensor

from redheart_core.data.batch import Batch
from redheart_core.data.encoding import TextEncoder
from redheart_core.data.language import Language, language_number
from redheart_core.exact.shapley import shapley_values
from redheart_core.models.calibration import at_temperature
from redheart_core.models.findings import Answer
from redheart_core.models.model import Model

MOST_MEMBERS = 12
"""Of a fusion that is explained; the number of sets doubles with each."""


@attrs.frozen
class MemberReason:
    """What the members of a fusion add to one number of its answer."""

    field: str
    label: str
    usual: float
    """What the fusion makes of members that say what is usual."""
    value: float
    """The answer."""
    contributions: Mapping[str, float]
    """By "plugin.output"; their sum is value - usual."""


def explain_members(
    model: Model,
    encoder: TextEncoder,
    text: str,
    answers: Sequence[Answer],
    fields: Mapping[str, Tensor],
    language: Language,
) -> tuple[MemberReason, ...]:
    """Of each number of each fused answer whose means are known.

    Args:
        model: The model.
        encoder: The model's own.
        text: Checked.
        answers: On the text.
        fields: Each of the model's read_fields to (1, *shape), NaN where missing.
        language: Of the text.
    """
    fused = [one for one in answers if one.fused and 0 < len(one.members) <= MOST_MEMBERS]
    if not fused:
        return ()
    embedding = encoder.encode_text(text, "text")
    known: dict[str, Tensor] = {
        "embedding": embedding,
        "mask": torch.ones(embedding.shape[:2], dtype=torch.bool),
        "language": torch.tensor([language_number(language.code)]),
        **fields,
    }
    views = {
        "terms": model.terms.vector(text) if model.terms else None,
        "tokens": model.tokenizer.vector(text) if model.tokenizer else None,
    }
    outputs = model.predict(embedding, known["mask"], fields, views["terms"], views["tokens"], known["language"])
    known |= {name: view for name, view in views.items() if view is not None} | outputs
    return tuple(reason for answer in fused for reason in _reasons(model, answer, known))


def _reasons(model: Model, answer: Answer, known: Mapping[str, Tensor]) -> Iterator[MemberReason]:
    """Of each number of one answer; none where a mean is not known."""
    means = {value.label: value.training_mean for value in answer.values}
    usual = [means[label] for label in answer.about.elements]
    if any(mean is None for mean in usual):
        return
    names = [f"{one.plugin}.{one.output}" for one in answer.members]
    worth = _worth(model, answer, names, torch.tensor(usual), known)
    contributions = shapley_values(worth)
    for place, label in enumerate(answer.about.elements):
        added = dict(zip(names, contributions[:, place].tolist(), strict=True))
        yield MemberReason(answer.field, label, float(worth[0, place]), float(worth[-1, place]), added)


@torch.no_grad()
def _worth(
    model: Model, answer: Answer, names: Sequence[str], usual: Tensor, known: Mapping[str, Tensor]
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """What the fusion makes of every set of members, (2**M, L); bit i of the row says whether member i is in it."""
    rows = 1 << len(names)
    inputs = {name: one.expand(rows, *one.shape[1:]).clone().to(model.device) for name, one in known.items()}
    for place, name in enumerate(names):
        without = torch.tensor([not row >> place & 1 for row in range(rows)], device=model.device)
        inputs[name][without] = usual.to(inputs[name]).reshape(inputs[name].shape[1:])
    outputs = model.modules[answer.finding.group](Batch(inputs=inputs, targets={}))
    found = outputs[f"{answer.finding.plugin}.{answer.finding.output}"].double().cpu().reshape(rows, -1).numpy()
    temperature = None if answer.certainty is None else answer.certainty.temperature
    return at_temperature(answer.about, found, temperature)
