"""Fit the weights of the classifier on the written cases: python -m redheart_core.safety.fitting CASES DATA SENTENCES.

CASES is the folder with tuned_en.tsv and tuned_ko.tsv (label, kind, author, text). Ordinary texts stand for harmless
ones with little weight. DATA is the folder of public data sets, of whose train parts are read: comments of GoEmotions
and GoEmotions-Korean, mostly those with a painful emotion, four fifths of val.tsv of KOTE, and passages of the long
posts of Scruples. SENTENCES is a folder with en/authorN.tsv and ko/authorN.tsv, sentences with strong feelings of the
writer's own. Nothing is drawn.

Thresholds come from fits that leave out authors in turn, as an author's cases resemble each other. From which score on
help stands alone comes from comments that no fit reads, and from these sentences. A second voter over sentence vectors,
which is fitted after it, stands in vector_fitting.py.
"""

from __future__ import annotations

import math
import sys
import zlib
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

import attrs
import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from redheart_core.contract.signs import SIGN_KINDS
from redheart_core.data.sentences import sentence_spans
from redheart_core.safety.classifier import FOLDER, KIND_BUCKETS, weigh
from redheart_core.safety.grams import BUCKETS, grams
from redheart_core.storage.jsonlines import read_objects

LABELS = ("self", "abuse", "danger", "other")
"""Of the cases, in the order of SIGN_KINDS; "none" is harmless."""
PAINFUL = frozenset({"2", "3", "9", "10", "11", "14", "16", "19", "24", "25"})
"""Of GoEmotions: anger, annoyance, disappointment, disapproval, disgust, fear, grief, nervousness, remorse, sadness."""
FOLDS = tuple(
    frozenset(authors.split()) for authors in ("1 7 9 14", "2 10 15 18", "3 11 16", "4 12 17", "5 8 13 20", "6 19 21")
)
"""Authors of the written cases who are left out together: many scenes of 8 are those of 5. tests/crisis/README.md says
who had read which cases."""
AUTHORS = tuple(sorted((author for fold in FOLDS for author in fold), key=int))
HELD = frozenset({"11", "17", "19", "20", "21"})
"""Authors whose cases the further voters do not learn, as many fits of these take too long: what weighs voters, and
their limits, come from these cases."""
ORDINARY = ("comment", "sentence", "passage")
"""What stands for harmless texts beside the cases: comments, sentences of everyday life, passages of long posts."""
ORDINARY_WEIGHT = 0.3
INVERSE_PENALTY = 30.0


@attrs.frozen
class Shares:
    """How many harmless texts may lie above each limit at most, when nothing is fitted on their author."""

    doubt: float
    threshold: float
    clear: float


SHARES = {
    "en": {
        "none": Shares(doubt=0.55, threshold=0.2, clear=0.03),
        "comment": Shares(doubt=1, threshold=0.03, clear=0.008),
        "sentence": Shares(doubt=1, threshold=0.08, clear=0.01),
        "passage": Shares(doubt=1, threshold=0.03, clear=0.01),
    },
    "ko": {
        "none": Shares(doubt=0.55, threshold=0.12, clear=0.03),
        "comment": Shares(doubt=1, threshold=0.03, clear=0.008),
        "sentence": Shares(doubt=1, threshold=0.05, clear=0.01),
    },
}
"""By language and label of a case; "none" are the harmless written ones, which are hard, in English more so."""
SILENCED = 0.003
"""Of comments and of sentences, by fits that have not read them, at most so many lie above the limit from which help
stands alone."""
UNREAD = 6
"""Every sixth of the comments that no fit reads sets it."""
POSTS = 3
"""Every third long post is read,"""
PASSAGES = 4
"""and of each so many passages, a sentence with its neighbours, at even distances."""
MEASURED = 6
"""Author of sentences that are for measuring alone."""


@attrs.frozen
class Case:
    """A written case or an ordinary text."""

    label: str
    """Of LABELS, "none" for a harmless case, else of ORDINARY."""
    author: str
    """Who wrote the case; a sentence is left out with the author of the same number, and comments and posts are dealt
    out to the authors in turn."""
    text: str
    pieces: frozenset[int] = attrs.field(init=False, default=attrs.Factory(lambda case: grams(case.text), True))


def read_cases(path: Path) -> list[Case]:
    """The written cases of a language."""
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()[1:]]
    return [Case(label, author, text) for label, _, author, text in rows]


def read_ordinary(data: Path, sentences: Path, language: str) -> list[Case]:
    """Ordinary texts as harmless cases."""
    return [*read_comments(data, language), *read_sentences(sentences, language), *read_passages(data, language)]


def read_comments(data: Path, language: str) -> list[Case]:
    """Real comments; every fifth of KOTE is left for measuring."""
    painful, others = _train_part(data, language)
    if language == "en":
        texts = painful[::3][:4000] + others[::15][:2000]
    else:
        kote = (data / "kote" / "val.tsv").read_text(encoding="utf-8").splitlines()
        texts = [line.split("\t")[1] for number, line in enumerate(kote) if number % 5 != 1] + painful[::5][:2000]
    return [Case("comment", _dealt(number), text) for number, text in enumerate(texts)]


def read_sentences(folder: Path, language: str) -> list[Case]:
    """Sentences of all authors but the measured one."""
    files = sorted((folder / language).glob("author*.tsv"))
    if not files:
        raise FileNotFoundError(f"{folder / language} has no author*.tsv; name the folder that holds it")
    return [
        Case("sentence", file.stem.removeprefix("author"), line.split("\t")[0])
        for file in files
        if file.stem != f"author{MEASURED}"
        for line in file.read_text(encoding="utf-8").splitlines()
    ]


def read_passages(data: Path, language: str) -> list[Case]:
    """Of long posts, which there are in English."""
    if language != "en":
        return []
    found = []
    for number, text in enumerate(read_posts(data)[::POSTS]):
        spans = list(sentence_spans(text))
        places = [(2 * part + 1) * len(spans) // (2 * PASSAGES) for part in range(PASSAGES)]
        for place in dict.fromkeys(places):
            start, end = spans[max(place - 1, 0)][0], spans[min(place + 1, len(spans) - 1)][1]
            found.append(Case("passage", _dealt(number), text[start:end]))
    return found


def read_posts(data: Path) -> list[str]:
    """Of the train part of Scruples."""
    posts = read_objects(data / "scruples" / "train.scruples-anecdotes.jsonl.gz")
    return [f"{post['title']}\n\n{post['text']}" for _, post in posts]


def _dealt(number: int) -> str:
    return AUTHORS[number % len(AUTHORS)]


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
    pieces = _matrix([case.pieces for case in cases], BUCKETS)
    crisis = [case.label in LABELS for case in cases]
    model = LogisticRegression(C=INVERSE_PENALTY, max_iter=1000, tol=1e-5)
    model.fit(pieces, crisis, sample_weight=weights_of(cases))
    slopes = model.coef_[0]
    scale = 127 / float(np.abs(slopes).max())
    return bytes((128 + np.rint(slopes * scale)).astype(np.uint8)), float(model.intercept_[0]) * scale


def weights_of(cases: Sequence[Case]) -> list[float]:
    """How much each counts in a fit."""
    return [ORDINARY_WEIGHT if case.label in ORDINARY else 1.0 for case in cases]


def fit_kinds(cases: Sequence[Case]) -> tuple[bytes, ...]:
    """The kinds of crises against each other by multinomial logistic regression: a byte around 128 for each place."""
    own = [case for case in cases if case.label in LABELS]
    pieces = _matrix([{place % KIND_BUCKETS for place in case.pieces} for case in own], KIND_BUCKETS)
    model = LogisticRegression(C=INVERSE_PENALTY, max_iter=1000, tol=1e-4, fit_intercept=False)
    slopes = model.fit(pieces, [LABELS.index(case.label) for case in own]).coef_
    rounded = (128 + np.rint(slopes * (127 / np.abs(slopes).max()))).astype(np.uint8)
    return tuple(bytes(row) for row in rounded)


def _matrix(pieces: Sequence[AbstractSet[int]], places: int) -> csr_matrix:
    """A row for each text."""
    sizes = [len(one) for one in pieces]
    columns = [place for one in pieces for place in sorted(one)]
    values = np.repeat([1 / math.sqrt(max(size, 1)) for size in sizes], sizes)
    return csr_matrix((values, columns, np.cumsum([0, *sizes])), shape=(len(pieces), places))


def scores_without_authors(cases: Sequence[Case]) -> list[float]:
    """The score of each case by a fit without its author and those of the same fold."""
    scores: dict[int, float] = {}
    for fold in FOLDS:
        crisis, bias = fit([case for case in cases if case.author not in fold])
        scores.update(
            (place, weigh(crisis, case.pieces) + bias) for place, case in enumerate(cases) if case.author in fold
        )
    return [scores[place] for place in range(len(cases))]


def limits(cases: Sequence[Case], scores: Sequence[float], shares: Mapping[str, Shares]) -> dict[str, float]:
    """What a score has to reach, by the name of the limit.

    Args:
        cases: Of one language.
        scores: Of each, by fits without its author.
        shares: Of one language, as SHARES.
    """
    ordered = {
        label: sorted(score for case, score in zip(cases, scores, strict=True) if case.label == label)
        for label in shares
    }
    return {
        name: max(_share(own, getattr(shares[label], name)) for label, own in ordered.items() if own)
        for name in ("doubt", "threshold", "clear")
    }


def silence(clear: float, *ordinary: Iterable[float]) -> float:
    """From which score on help stands alone.

    Args:
        clear: What a sign that is no mere doubt has to reach.
        ordinary: Scores of comments, and of sentences, by fits that have not read them.
    """
    return max([clear, *(_share(sorted(scores), SILENCED) for scores in ordinary)])


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
        cases = [*written, *read_ordinary(Path(data), Path(sentences), language)]
        crisis, bias = fit(cases)
        (FOLDER / f"{language}.bin").write_bytes(crisis + b"".join(fit_kinds(written)))
        scores = scores_without_authors(cases)
        found[language] = {"bias": bias, **limits(cases, scores, SHARES[language])}
        comments = [weigh(crisis, grams(text)) + bias for text in read_unread_comments(Path(data), language)]
        said = [score for case, score in zip(cases, scores, strict=True) if case.label == "sentence"]
        found[language]["silence"] = silence(found[language]["clear"], comments, said)
    write_limits("alone", "redheart_core/safety/fitting.py", found)


if __name__ == "__main__":
    main(*sys.argv[1:])
