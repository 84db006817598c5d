"""Fit the second voter on the cases that fitting.py reads; plugins/ready/make_crisis.py has the encoder.

Its score and that of the words are weighed by a logistic regression over scores that fits without a case's author
give, and so are the limits of their sum. Run it after fitting.py, whose weights of the words it is fitted with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import attrs
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from redheart_core.safety.classifier import load_weights
from redheart_core.safety.fitting import (
    FOLDS,
    LABELS,
    REAL_WEIGHT,
    Case,
    Shares,
    checksum,
    limits,
    read_cases,
    read_comments,
    read_ordinary,
    scores_without_authors,
    silence,
    write_limits,
)
from redheart_core.safety.vectors import FILE, STEP, Kernel

AXES = 128
WIDTH = 2.0
COST = 3.0
COMMENTS = 5
"""Every fifth real comment is read; as many of each author, among whom they are dealt out in turn."""
LANGUAGES = ("en", "ko")
SHARES = Shares(doubt=0.6, threshold=0.12, clear=0.05)
REAL_SHARES = Shares(doubt=1, threshold=0.04, clear=0.012)
"""As in fitting.py, of both scores together."""

Vectors = NDArray[np.float32]
Scores = NDArray[np.float64]
Encode = Callable[[Sequence[str]], Vectors]


def fit_kernel(cases: Sequence[Case], vectors: Vectors) -> Kernel:
    """Crisis against harmless, on the axes on which the vectors differ most, rounded to one byte a number."""
    mean = vectors.mean(0)
    axes = _rounded(np.linalg.svd(vectors - mean, full_matrices=False)[2][:AXES].T)
    own = _rounded((vectors - mean) @ axes)
    model = SVC(C=COST, gamma=WIDTH, cache_size=500).fit(own, _are_crises(cases), sample_weight=_weights(cases))
    slopes = model.dual_coef_[0].astype(np.float32)
    return Kernel(mean, axes, own[model.support_], slopes, float(model.intercept_[0]), WIDTH)


def vector_scores(cases: Sequence[Case], vectors: Vectors) -> Scores:
    """The score of each case's vector by a fit without its author and those of the same fold."""
    scores = np.zeros(len(cases))
    authors = np.array([case.author for case in cases])
    for fold in FOLDS:
        own = np.isin(authors, list(fold))
        kernel = fit_kernel([cases[place] for place in np.flatnonzero(~own).tolist()], vectors[~own])
        scores[own] = kernel.scores(vectors[own])
    return scores


def weigh_together(cases: Sequence[Case], words: Scores, vectors: Scores) -> float:
    """What the score of the vectors has to be multiplied by before it is added to that of the words."""
    both = np.stack([words / words.std(), vectors / vectors.std()], 1)
    slopes = LogisticRegression().fit(both, _are_crises(cases), sample_weight=_weights(cases)).coef_[0]
    return float(slopes[1] / slopes[0] * words.std() / vectors.std())


@attrs.frozen(eq=False)
class LeftOut:
    """What two voters say of cases that they were not fitted on."""

    cases: Sequence[Case]
    words: Scores
    vectors: Scores
    factor: float
    """What the scores of the vectors are multiplied by before they are added."""

    @property
    def together(self) -> Scores:
        """The sums, (N,)."""
        return self.words + self.factor * self.vectors


def write_second_voter(
    folder: Path, data: Path, sentences: Path, encode: Encode
) -> tuple[dict[str, LeftOut], dict[str, list[LeftOut]]]:
    """Write the kernel of both languages and, for each, how it goes together with the words.

    Gives what both voters say of the cases and of each kind of ordinary text.

    Args:
        folder: With the written cases.
        data: With the public data sets.
        sentences: With sentences of strong feelings that are in no crisis.
        encode: N texts to (N, D), by the encoder that vectors.py names.
    """
    cases: list[Case] = []
    words: dict[str, Scores] = {}
    for language in LANGUAGES:
        written, comments = read_cases(folder / f"tuned_{language}.tsv"), read_comments(data, language)
        scores = scores_without_authors([*written, *comments])
        words[language] = np.array([*scores[: len(written)], *scores[len(written) :: COMMENTS]])
        cases += [*written, *comments[::COMMENTS]]
    vectors = encode([case.text for case in cases])
    kernel = fit_kernel(cases, vectors)
    write_kernel(kernel)
    second, start, left = vector_scores(cases, vectors), 0, {}
    for language, first in words.items():
        here = slice(start, start := start + len(first))
        factor = weigh_together(cases[here], first, second[here])
        left[language] = LeftOut(cases[here], first, second[here], factor)
    ordinary = {
        language: [
            hear(texts, language, kernel, encode, one.factor) for texts in read_ordinary(data, sentences, language)
        ]
        for language, one in left.items()
    }
    found = {}
    for language, one in left.items():
        own = limits(one.cases, one.together.tolist(), SHARES, REAL_SHARES)
        most = silence(own["clear"], *(heard.together.tolist() for heard in ordinary[language]))
        found[language] = {"factor": one.factor, **own, "silence": most}
    write_limits("together", f"plugins/ready/make_crisis.py beside weights of words {checksum()}", found)
    return left, ordinary


def hear(texts: Sequence[str], language: str, kernel: Kernel, encode: Encode, factor: float) -> LeftOut:
    """What the shipped weights of the words and a kernel say of ordinary texts."""
    cases = [Case("real", "", text) for text in texts]
    words = np.array([load_weights(language).of_words(case.pieces) for case in cases])
    return LeftOut(cases, words, kernel.scores(encode([case.text for case in cases])), factor)


def write_kernel(kernel: Kernel) -> None:
    """The shipped one, as whole numbers of one byte where it has many."""
    np.savez_compressed(
        FILE,
        mean=kernel.mean,
        axes=_steps(kernel.axes),
        support=_steps(kernel.support),
        slopes=kernel.slopes,
        bias=kernel.bias,
        width=kernel.width,
    )


def _rounded(numbers: NDArray[np.floating]) -> Vectors:
    return np.asarray(_steps(numbers) * STEP, np.float32)


def _steps(numbers: NDArray[np.floating]) -> NDArray[np.int8]:
    return np.asarray(np.clip(np.rint(numbers / STEP), -127, 127), np.int8)


def _are_crises(cases: Sequence[Case]) -> list[bool]:
    return [case.label in LABELS for case in cases]


def _weights(cases: Sequence[Case]) -> list[float]:
    return [REAL_WEIGHT if case.label == "real" else 1.0 for case in cases]
