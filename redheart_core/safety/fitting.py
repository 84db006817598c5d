"""Fit the weights of the classifier on the written cases: python -m redheart_core.safety.fitting CASES DATA SENTENCES.

CASES is the folder with tuned_en.tsv and tuned_ko.tsv (label, kind, author, text); DATA is the folder of public data
sets, whose real comments stand for harmless texts with little weight: the train parts of GoEmotions and
GoEmotions-Korean, mostly those with a painful emotion, and four fifths of val.tsv of KOTE. SENTENCES is a folder with
en/authorN.tsv and ko/authorN.tsv, sentences with strong feelings of the writer's own. Nothing is drawn.

Thresholds come from fits that leave out authors in turn, as an author's cases resemble each other. From which score on
help stands alone comes from comments of the train parts that no fit reads, and from these sentences. A second voter
over sentence vectors, which is fitted after it, stands in vector_fitting.py.
"""

from __future__ import annotations

import math
import sys
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import attrs
import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from redheart_core.contract.signs import SIGN_KINDS
from redheart_core.safety.classifier import FOLDER, KIND_BUCKETS, weigh
from redheart_core.safety.grams import BUCKETS, grams

LABELS = ("self", "abuse", "danger", "other")
"""Of the cases, in the order of SIGN_KINDS; "none" is harmless."""
PAINFUL = frozenset({"2", "3", "9", "10", "11", "14", "16", "19", "24", "25"})
"""Of GoEmotions: anger, annoyance, disappointment, disapproval, disgust, fear, grief, nervousness, remorse, sadness."""
AUTHORS = ("1", "2", "3", "4", "5", "6", "7", "8")
"""Of the written cases; tests/crisis/README.md says who had read which."""
FOLDS = (*(frozenset({author}) for author in "123467"), frozenset("58"))
"""Authors who are left out together: many scenes of 8 are those of 5."""
REAL_WEIGHT = 0.3
INVERSE_PENALTY = 30.0
SMOOTHING = 0.05


@attrs.frozen
class Shares:
    """How many harmless texts may lie above each limit at most, when nothing is fitted on their author."""

    doubt: float
    threshold: float
    clear: float


SHARES = Shares(doubt=0.6, threshold=0.12, clear=0.03)
"""Of the harmless cases, which are hard."""
REAL_SHARES = Shares(doubt=1, threshold=0.03, clear=0.008)
"""Of real comments."""
SILENCED = 0.003
"""Of comments and of sentences that no fit reads at most so many lie above the limit from which help stands alone."""
UNREAD = 6
"""Every sixth of these comments sets it."""
MEASURED = 6
"""Author of sentences that are for measuring alone."""


@attrs.frozen
class Case:
    """A written case or a real comment."""

    label: str
    """Of LABELS, "none" for a harmless case, "real" for a comment."""
    author: str
    """Who wrote the case; comments are dealt out to the authors in turn."""
    text: str
    pieces: frozenset[int] = attrs.field(init=False, default=attrs.Factory(lambda case: grams(case.text), True))


def read_cases(path: Path) -> list[Case]:
    """The written cases of a language."""
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()[1:]]
    return [Case(label, author, text) for label, _, author, text in rows]


def read_comments(data: Path, language: str) -> list[Case]:
    """Real comments as harmless cases; every fifth of KOTE is left for measuring."""
    painful, others = _train_part(data, language)
    if language == "en":
        texts = painful[::3][:4000] + others[::15][:2000]
    else:
        kote = (data / "kote" / "val.tsv").read_text(encoding="utf-8").splitlines()
        texts = [line.split("\t")[1] for number, line in enumerate(kote) if number % 5 != 1] + painful[::5][:2000]
    return [Case("real", AUTHORS[number % len(AUTHORS)], text) for number, text in enumerate(texts)]


def read_ordinary(data: Path, sentences: Path, language: str) -> tuple[list[str], list[str]]:
    """Texts that no fit reads: comments, and the sentences of all authors but the measured one."""
    files = sorted((sentences / language).glob("author*.tsv"))
    if not files:
        raise FileNotFoundError(f"{sentences / language} has no author*.tsv; name the folder that holds it")
    kept = (file for file in files if file.stem != f"author{MEASURED}")
    said = [line.split("\t")[0] for file in kept for line in file.read_text(encoding="utf-8").splitlines()]
    return read_unread_comments(data, language), said


def read_unread_comments(data: Path, language: str) -> list[str]:
    """Comments of the train part that read_comments leaves out, of all emotions."""
    read = {case.text for case in read_comments(data, language)}
    return [text for texts in _train_part(data, language) for text in texts if text not in read][::UNREAD]


def _train_part(data: Path, language: str) -> tuple[list[str], list[str]]:
    """Comments with a painful emotion, and the others."""
    folder = {"en": "goemotions", "ko": "goemotions_ko"}[language]
    rows = [line.split("\t") for line in (data / folder / "train.tsv").read_text(encoding="utf-8").splitlines()]
    painful = [bool(PAINFUL & set(row[1].split(","))) for row in rows]
    first, second = ([row[0] for row, one in zip(rows, painful, strict=True) if one is same] for same in (True, False))
    return first, second


def fit(cases: Sequence[Case]) -> tuple[bytes, float]:
    """Crisis against harmless by penalized logistic regression: a byte around 128 for each place, and the bias.

    Pieces of a text have the value of one by the square root of their number, as in `weigh`.
    """
    sizes = [len(case.pieces) for case in cases]
    columns = [place for case in cases for place in sorted(case.pieces)]
    values = np.repeat([1 / math.sqrt(max(size, 1)) for size in sizes], sizes)
    pieces = csr_matrix((values, columns, np.cumsum([0, *sizes])), shape=(len(cases), BUCKETS))
    crisis = [case.label in LABELS for case in cases]
    weights = [REAL_WEIGHT if case.label == "real" else 1.0 for case in cases]
    model = LogisticRegression(C=INVERSE_PENALTY, max_iter=1000, tol=1e-5).fit(pieces, crisis, sample_weight=weights)
    slopes = model.coef_[0]
    scale = 127 / float(np.abs(slopes).max())
    return bytes((128 + np.rint(slopes * scale)).astype(np.uint8)), float(model.intercept_[0]) * scale


def fit_kinds(cases: Sequence[Case]) -> tuple[bytes, ...]:
    """Each kind against the other kinds: naive Bayes in closed form (Rennie et al. 2003)."""
    kinds = []
    for label in LABELS:
        own, others = ([c for c in cases if c.label in LABELS and (c.label == label) is same] for same in (True, False))
        shares = [_shares(group) for group in (own, others)]
        ratios = [math.log(first / second) for first, second in zip(*shares, strict=True)]
        kinds.append(bytes(min(255, max(0, 128 + round(32 * ratio))) for ratio in ratios))
    return tuple(kinds)


def _shares(cases: Iterable[Case]) -> list[float]:
    counts = [SMOOTHING] * KIND_BUCKETS
    for case in cases:
        for place in case.pieces:
            counts[place % KIND_BUCKETS] += 1 / math.sqrt(len(case.pieces))
    whole = math.fsum(counts)
    return [count / whole for count in counts]


def scores_without_authors(cases: Sequence[Case]) -> list[float]:
    """The score of each case by a fit without its author and those of the same fold."""
    scores: dict[int, float] = {}
    for fold in FOLDS:
        crisis, bias = fit([case for case in cases if case.author not in fold])
        scores.update(
            (place, weigh(crisis, case.pieces) + bias) for place, case in enumerate(cases) if case.author in fold
        )
    return [scores[place] for place in range(len(cases))]


def limits(cases: Sequence[Case], scores: Sequence[float], hard: Shares, real: Shares) -> dict[str, float]:
    """What a score has to reach, by the name of the limit.

    Args:
        cases: Of one language.
        scores: Of each, by fits without its author.
        hard: Of the harmless cases.
        real: Of the real comments.
    """
    shares = {"none": hard, "real": real}
    ordered = {
        label: sorted(score for case, score in zip(cases, scores, strict=True) if case.label == label)
        for label in shares
    }
    return {
        name: max(_share(ordered[label], getattr(share, name)) for label, share in shares.items())
        for name in ("doubt", "threshold", "clear")
    }


def silence(clear: float, *ordinary: Iterable[float]) -> float:
    """From which score on help stands alone.

    Args:
        clear: What a sign that is no mere doubt has to reach.
        ordinary: Scores of each kind of text that read_ordinary gives.
    """
    return max(clear, *(_share(sorted(scores), SILENCED) for scores in ordinary))


def _share(ordered: Sequence[float], above: float) -> float:
    """The score that a share of the scores lies above."""
    return ordered[min(int(len(ordered) * (1 - above)), len(ordered) - 1)]


def checksum() -> str:
    """Of the shipped weights of the words, beside which the second voter is fitted."""
    return f"{zlib.crc32(b''.join((FOLDER / f'{language}.bin').read_bytes() for language in ('en', 'ko'))):08x}"


def write_limits(name: str, maker: str, found: Mapping[str, Mapping[str, float]]) -> None:
    """Write a file of limits.

    Args:
        name: Of the file.
        maker: Who makes it.
        found: By language, names of numbers to numbers.
    """
    lines = [f"# Made by {maker}; a score from the threshold on is a sign.\n"]
    for language, numbers in found.items():
        lines += [f"\n[{language}]\n", *(f"{key} = {number:.1f}\n" for key, number in numbers.items())]
    (FOLDER / f"{name}.toml").write_text("".join(lines), encoding="utf-8")


def main(folder: str, data: str, sentences: str) -> None:
    """Write the weights of both languages and their limits."""
    assert len(LABELS) == len(SIGN_KINDS)
    found = {}
    for language in ("en", "ko"):
        written = read_cases(Path(folder) / f"tuned_{language}.tsv")
        cases = [*written, *read_comments(Path(data), language)]
        crisis, bias = fit(cases)
        (FOLDER / f"{language}.bin").write_bytes(crisis + b"".join(fit_kinds(written)))
        found[language] = {"bias": bias, **limits(cases, scores_without_authors(cases), SHARES, REAL_SHARES)}
        ordinary = read_ordinary(Path(data), Path(sentences), language)
        scores = ([weigh(crisis, grams(text)) + bias for text in texts] for texts in ordinary)
        found[language]["silence"] = silence(found[language]["clear"], *scores)
    write_limits("alone", "redheart_core/safety/fitting.py", found)


if __name__ == "__main__":
    main(*sys.argv[1:])
