"""Fit the second voter on the cases that fitting.py reads; plugins/ready/make_crisis.py has the encoder.

Its score and that of the words are weighed by a logistic regression over texts that neither has learnt: cases of HELD,
and ordinary texts beside those that the fit reads, with scores of the words by fits without their author. They set the
limits of the sum as well. Run it after fitting.py, whose weights of the words it is fitted with.
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
    HELD,
    LABELS,
    Case,
    Shares,
    checksum,
    limits,
    read_cases,
    read_ordinary,
    read_unread_comments,
    scores_without_authors,
    silence,
    weights_of,
    write_limits,
)
from redheart_core.safety.vectors import FILE, STEP, Kernel

AXES = 128
WIDTH = 2.0
COST = 3.0
TOLERANCE = 1e-2
"""At which the fit ends; a tenth of it takes twice as long."""
STRIDE = 5
"""Every fifth ordinary text is learnt, and the one behind it sets limits."""
LANGUAGES = ("en", "ko")
SHARES = {
    "en": {
        "none": Shares(doubt=0.5, threshold=0.25, clear=0.06),
        "comment": Shares(doubt=1, threshold=0.04, clear=0.012),
        "sentence": Shares(doubt=1, threshold=0.1, clear=0.03),
        "passage": Shares(doubt=1, threshold=0.05, clear=0.01),
    },
    "ko": {
        "none": Shares(doubt=0.5, threshold=0.12, clear=0.05),
        "comment": Shares(doubt=1, threshold=0.04, clear=0.012),
        "sentence": Shares(doubt=1, threshold=0.05, clear=0.015),
    },
}
"""As in fitting.py, of both scores together."""

Vectors = NDArray[np.float32]
Scores = NDArray[np.float64]
Encode = Callable[[Sequence[str]], Vectors]


def fit_kernel(cases: Sequence[Case], vectors: Vectors) -> Kernel:
    """Crisis against harmless, on the axes on which the vectors differ most, rounded to one byte a number."""
    mean = vectors.mean(0)
    axes = _rounded(np.linalg.svd(vectors - mean, full_matrices=False)[2][:AXES].T)
    own = _rounded((vectors - mean) @ axes)
    model = SVC(C=COST, gamma=WIDTH, tol=TOLERANCE, cache_size=4000).fit(
        own, _are_crises(cases), sample_weight=weights_of(cases)
    )
    slopes = model.dual_coef_[0].astype(np.float32)
    return Kernel(mean, axes, own[model.support_], slopes, float(model.intercept_[0]), WIDTH)


def weigh_together(cases: Sequence[Case], words: Scores, vectors: Scores) -> float:
    """What the score of the vectors has to be multiplied by before it is added to that of the words."""
    both = np.stack([words / words.std(), vectors / vectors.std()], 1)
    slopes = LogisticRegression().fit(both, _are_crises(cases), sample_weight=weights_of(cases)).coef_[0]
    return float(slopes[1] / slopes[0] * words.std() / vectors.std())


@attrs.frozen(eq=False)
class LeftOut:
    """What two voters say of texts that they were not fitted on."""

    cases: Sequence[Case]
    words: Scores
    vectors: Scores
    factor: float
    """What the scores of the vectors are multiplied by before they are added."""

    @property
    def together(self) -> Scores:
        """The sums, (N,)."""
        return self.words + self.factor * self.vectors

    def only(self, own: Sequence[bool]) -> LeftOut:
        """What they say of some of the texts."""
        places = np.flatnonzero(own).tolist()
        return LeftOut([self.cases[place] for place in places], self.words[places], self.vectors[places], self.factor)


def write_second_voter(
    folder: Path, data: Path, sentences: Path, encode: Encode
) -> tuple[dict[str, LeftOut], dict[str, LeftOut]]:
    """Write the kernel of both languages and, for each, how it goes together with the words.

    Gives what both voters say of texts that they have not learnt, and of comments that no fit reads.

    Args:
        folder: With the written cases.
        data: With the public data sets.
        sentences: With sentences of strong feelings that are in no crisis.
        encode: N texts to (N, D), by the encoder that vectors.py names.
    """
    learnt: list[Case] = []
    unread: dict[str, tuple[list[Case], Scores]] = {}
    for language in LANGUAGES:
        written, ordinary = read_cases(folder / f"tuned_{language}.tsv"), read_ordinary(data, sentences, language)
        cases = [*written, *ordinary]
        scores = scores_without_authors(cases)
        learnt += choose_learnt(written, ordinary)
        places = [place for place, case in enumerate(written) if case.author in HELD]
        places += range(len(written) + 1, len(cases), STRIDE)
        unread[language] = [cases[place] for place in places], np.array([scores[place] for place in places])
    kernel = fit_kernel(learnt, encode([case.text for case in learnt]))
    write_kernel(kernel)
    left = {}
    for language, (cases, words) in unread.items():
        second = kernel.scores(encode([case.text for case in cases]))
        left[language] = LeftOut(cases, words, second, weigh_together(cases, words, second))
    comments = {
        language: hear(read_unread_comments(data, language), language, kernel, encode, one.factor)
        for language, one in left.items()
    }
    found = {}
    for language, one in left.items():
        own = limits(one.cases, one.together.tolist(), SHARES[language])
        said = one.only([case.label == "sentence" for case in one.cases])
        most = silence(own["clear"], comments[language].together.tolist(), said.together.tolist())
        found[language] = {"factor": one.factor, **own, "silence": most}
    write_limits("together", f"plugins/ready/make_crisis.py beside weights of words {checksum()}", found)
    return left, comments


def choose_learnt(written: Sequence[Case], ordinary: Sequence[Case]) -> list[Case]:
    """What the further voters learn of a language's texts: all cases but those of HELD, and every fifth other text."""
    return [case for case in (*written, *ordinary[::STRIDE]) if case.author not in HELD]


def hear(texts: Sequence[str], language: str, kernel: Kernel, encode: Encode, factor: float) -> LeftOut:
    """What the shipped weights of the words and a kernel say of ordinary texts."""
    cases = [Case("comment", "", text) for text in texts]
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
