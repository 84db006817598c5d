"""Weigh the third voter with words and vectors, and set the limits of the sum; it runs after vector_fitting.py.

All of it rests on scores of texts that the voters have not learnt, as in fitting.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from redheart_core.safety.adapted import Reader
from redheart_core.safety.adapted_fitting import fit_adapters, write_adapters
from redheart_core.safety.fitting import (
    LABELS,
    checksum,
    limits,
    read_cases,
    read_ordinary,
    silence,
    weights_of,
    write_limits,
)
from redheart_core.safety.vector_fitting import SHARES, LeftOut, Scores, choose_learnt

UNASKED = 0.02
"""So many crises score so low by words and vectors that the adapters are not asked."""


def write_third_voter(folder: Path, data: Path, sentences: Path, left: LeftOut, comments: LeftOut) -> None:
    """Write the adapters and how they go together with words and vectors.

    Args:
        folder: With the written cases.
        data: With the public data sets.
        sentences: With sentences of strong feelings that are in no crisis.
        left: What words and vectors say of English texts that they have not learnt, nor do the adapters.
        comments: What they say of English comments that no fit reads.
    """
    learnt = choose_learnt(read_cases(folder / "tuned_en.tsv"), read_ordinary(data, sentences, "en"))
    reader = write_adapters(fit_adapters(learnt))
    lowest = float(np.quantile(left.together[[case.label in LABELS for case in left.cases]], UNASKED))
    found = weigh_all(left, asked(left, reader, lowest), lowest)
    heard = whole(comments, asked(comments, reader, lowest), found["second"], found["third"])
    found["silence"] = max(found["silence"], silence(found["clear"], heard.tolist()))
    write_limits("adapted", f"plugins/ready/make_crisis.py beside weights of words {checksum()}", {"en": found})


def asked(heard: LeftOut, reader: Reader, lowest: float) -> list[float | None]:
    """What the adapters say; None where they are not asked or cannot read.

    Args:
        heard: What words and vectors say.
        reader: With the adapters.
        lowest: From which score of both on they are asked.
    """
    return [
        reader.score(case.text) if both >= lowest else None
        for case, both in zip(heard.cases, heard.together, strict=True)
    ]


def whole(heard: LeftOut, thirds: Sequence[float | None], second: float, third: float) -> Scores:
    """The sums of all three voters; where the adapters say nothing, the least of them.

    Args:
        heard: What words and vectors say.
        thirds: What the adapters say.
        second: What the scores of the vectors are multiplied by.
        third: Likewise, of the adapters.
    """
    read = np.array([one is not None for one in thirds])
    scores = heard.words + second * heard.vectors + third * np.array([one or 0.0 for one in thirds])
    scores[~read] = scores[read].min()
    return scores


def weigh_all(left: LeftOut, thirds: Sequence[float | None], lowest: float) -> dict[str, float]:
    """What weights/adapted.toml says of English; comments that no fit reads may raise its silence.

    Args:
        left: What words and vectors say of texts that no voter has learnt.
        thirds: What the adapters say of them.
        lowest: From which score of words and vectors on they are asked.
    """
    read = [one is not None for one in thirds]
    second, third = _factors(left.only(read), np.array([one for one in thirds if one is not None]))
    scores = whole(left, thirds, second, third)
    found = limits(left.cases, scores.tolist(), SHARES["en"])
    said = scores[[case.label == "sentence" for case in left.cases]].tolist()
    least = silence(found["clear"], *[scores for scores in (said,) if scores])
    return {"second": second, "third": third, "lowest": lowest, **found, "silence": least}


def _factors(heard: LeftOut, adapted: Scores) -> tuple[float, float]:
    """What the scores of vectors and adapters are multiplied by before they are added to those of the words."""
    voters = (heard.words, heard.vectors, adapted)
    spreads = [voter.std() for voter in voters]
    columns = np.stack([voter / spread for voter, spread in zip(voters, spreads, strict=True)], 1)
    crisis = [case.label in LABELS for case in heard.cases]
    slopes = LogisticRegression().fit(columns, crisis, sample_weight=weights_of(heard.cases)).coef_[0]
    first = slopes[0] / spreads[0]
    return float(slopes[1] / spreads[1] / first), float(slopes[2] / spreads[2] / first)
