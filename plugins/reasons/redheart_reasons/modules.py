"""What each member adds to a fused answer: exactly, as the fusion is a known function of what its members say.

The worth of some members is what the fusion makes of them where all others say what is usual, the mean over the
training records. What a member adds is its Shapley value over all sets of members, so that the contributions sum to the
difference between the answer and what the fusion makes of usual members.
"""

from __future__ import annotations

import numpy as np

from redheart_core import ExplainedText, Reason, ReasonRow
from redheart_core.exact.shapley import shapley_values

MOST_MEMBERS = 12
"""Of a fusion that is explained; the number of sets doubles with each."""


def explain(text: ExplainedText) -> list[Reason]:
    """Of each number of each fused answer whose means over the training records are known."""
    return [reason for name in text.answers for reason in _reasons(text, name)]


def _reasons(text: ExplainedText, name: str) -> list[Reason]:
    answer = text.answers[name]
    if not 0 < len(answer.members) <= MOST_MEMBERS or np.isnan(answer.usual).any():
        return []
    sets = np.arange(1 << len(answer.members))
    inside = (sets[:, None] >> np.arange(len(answer.members)) & 1).astype(bool)
    worth = text.of_members(name, np.where(inside[:, :, None], np.stack(list(answer.members.values())), answer.usual))
    contributions = shapley_values(worth)
    return [
        Reason(
            field=name,
            label=label,
            usual=float(worth[0, place]),
            value=float(worth[-1, place]),
            rows=tuple(map(ReasonRow, answer.members, contributions[:, place].tolist())),
        )
        for place, label in enumerate(answer.field.elements)
    ]
