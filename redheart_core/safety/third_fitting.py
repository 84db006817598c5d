"""Weigh the third voter with words and vectors, and set the limits of the sum; it runs after vector_fitting.py.

All of it rests on scores that fits without a case's author give, as in fitting.py.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from sklearn.linear_model import LogisticRegression

from redheart_core.safety.adapted import Reader
from redheart_core.safety.adapted_fitting import adapted_scores, fit_adapters, write_adapters
from redheart_core.safety.fitting import LABELS, REAL_WEIGHT, Case, checksum, limits, silence, write_limits
from redheart_core.safety.vector_fitting import REAL_SHARES, SHARES, LeftOut, Scores

FOLDS = tuple(map(frozenset, ("3", "46", "58")))
"""Authors who are left out together: fewer than in fitting.py, as a fit takes five minutes. The others' cases are
learnt from and set no limit."""
UNASKED = 0.02
"""So many crises score so low by words and vectors that the adapters are not asked."""


def write_third_voter(left: LeftOut, ordinary: Sequence[LeftOut]) -> None:
    """Write the adapters and how they go together with words and vectors.

    Args:
        left: What these say of the English cases.
        ordinary: What they say of each kind of ordinary English text.
    """
    reader = write_adapters(fit_adapters(left.cases))
    found = weigh_all(left, adapted_scores(left.cases, FOLDS))
    found["en"]["silence"] = silence(found["en"]["clear"], *(sums(found["en"], one, reader) for one in ordinary))
    write_limits("adapted", f"plugins/ready/make_crisis.py beside weights of words {checksum()}", found)


def sums(numbers: Mapping[str, float], heard: LeftOut, reader: Reader) -> list[float]:
    """The scores of all three voters where the adapters are asked and can read; elsewhere there is none.

    Args:
        numbers: What weigh_all gives of English.
        heard: What words and vectors say.
        reader: With the adapters.
    """
    found = []
    for case, words, vectors, both in zip(heard.cases, heard.words, heard.vectors, heard.together, strict=True):
        third = reader.score(case.text) if both >= numbers["lowest"] else None
        whole = None if third is None else words + numbers["second"] * vectors + numbers["third"] * third
        found.append(-math.inf if whole is None else float(whole))
    return found


def weigh_all(left: LeftOut, third: Sequence[float | None]) -> dict[str, dict[str, float]]:
    """What weights/adapted.toml says of English.

    Args:
        left: What words and vectors say of the English cases.
        third: What the adapters say of them; None of those that set no limit.
    """
    crisis = np.array([case.label in LABELS for case in left.cases])
    lowest = float(np.quantile(left.together[crisis], UNASKED))
    read = np.array([one is not None for one in third])
    asked = read & (left.together >= lowest)
    scores = np.array([0.0 if one is None else one for one in third])
    factors = _factors(
        [case for case, one in zip(left.cases, asked, strict=True) if one],
        *(voter[asked] for voter in (left.words, left.vectors, scores)),
    )
    whole = left.words + factors[0] * left.vectors + factors[1] * scores
    whole[~asked] = whole[asked].min()  # these get no sign
    cases = [case for case, one in zip(left.cases, read, strict=True) if one]
    found = limits(cases, whole[read].tolist(), SHARES, REAL_SHARES)
    return {"en": {"second": factors[0], "third": factors[1], "lowest": lowest, **found}}


def _factors(cases: Sequence[Case], words: Scores, vectors: Scores, adapted: Scores) -> tuple[float, float]:
    """What the scores of vectors and adapters are multiplied by before they are added to those of the words."""
    spreads = [voter.std() for voter in (words, vectors, adapted)]
    columns = np.stack([words / spreads[0], vectors / spreads[1], adapted / spreads[2]], 1)
    weights = [REAL_WEIGHT if case.label == "real" else 1.0 for case in cases]
    crisis = [case.label in LABELS for case in cases]
    slopes = LogisticRegression().fit(columns, crisis, sample_weight=weights).coef_[0]
    first = slopes[0] / spreads[0]
    return float(slopes[1] / spreads[1] / first), float(slopes[2] / spreads[2] / first)
