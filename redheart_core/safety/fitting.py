"""Fit the weights of the classifier on the written cases: python -m redheart_core.safety.fitting CASES ENGLISH KOREAN.

CASES is the folder with tuned_en.tsv and tuned_ko.tsv (label, kind, text); ENGLISH and KOREAN are files of real
comments, one a line, which stand for harmless texts with little weight: train.tsv of GoEmotions and val.tsv of KOTE.
Nothing is drawn: the same files give the same weights.
"""

from __future__ import annotations

import math
import sys
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from redheart_core.contract.signs import SIGN_KINDS
from redheart_core.safety.classifier import FOLDER, KIND_BUCKETS, weigh
from redheart_core.safety.grams import BUCKETS, grams

LABELS = ("self", "abuse", "danger", "other")
"""Of the cases, in the order of SIGN_KINDS; "none" is harmless."""
REAL_TEXTS, REAL_WEIGHT = 2000, 0.1
SMOOTHING = 0.05
FOLDS = 5
ALARMS, REAL_ALARMS, DOUBTS = 0.3, 0.05, 0.6
"""At most so many of the harmless cases, which are hard, and of real comments lie above the threshold, and so many of
the cases above the doubt, when they are not fitted on."""

Case = tuple[str, frozenset[int]]


def read_cases(path: Path) -> list[Case]:
    """Label and pieces of each case."""
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()[1:]]
    return [(label, grams(text)) for label, _, text in rows]


def read_comments(path: Path, column: int) -> list[Case]:
    """Real comments as harmless cases, evenly from a file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    texts = [line.split("\t")[column] for line in lines[:: max(1, len(lines) // REAL_TEXTS)]]
    return [("real", grams(text)) for text in texts[:REAL_TEXTS]]


def fit(cases: Sequence[Case]) -> tuple[bytes, tuple[bytes, ...]]:
    """The tables of a Weights: crisis against harmless, and each kind against the other kinds."""
    crisis = _table([case for case in cases if case[0] in LABELS], [c for c in cases if c[0] not in LABELS], BUCKETS)
    kinds = []
    for label in LABELS:
        own, others = ([c for c in cases if c[0] in LABELS and (c[0] == label) is same] for same in (True, False))
        kinds.append(_table(own, others, KIND_BUCKETS))
    return crisis, tuple(kinds)


def _table(yes: Iterable[Case], no: Iterable[Case], buckets: int) -> bytes:
    """Logarithms of the ratios of the shares of every place, in 32nds, as bytes around 128."""
    shares = [_shares(cases, buckets) for cases in (yes, no)]
    ratios = [math.log(first / second) for first, second in zip(*shares, strict=True)]
    return bytes(min(255, max(0, 128 + round(32 * ratio))) for ratio in ratios)


def _shares(cases: Iterable[Case], buckets: int) -> list[float]:
    counts = [SMOOTHING] * buckets
    for label, places in cases:
        weight = (REAL_WEIGHT if label == "real" else 1.0) / math.sqrt(max(len(places), 1))
        for place in places:
            counts[place % buckets] += weight
    whole = math.fsum(counts)
    return [count / whole for count in counts]


def limits(cases: Sequence[Case]) -> tuple[float, float]:
    """Threshold and doubt, from scores of harmless cases by fits without them; a hash of its pieces gives a fold."""
    folds = [zlib.crc32(repr(sorted(places)).encode()) % FOLDS for _, places in cases]
    scores: dict[str, list[float]] = {"none": [], "real": []}
    for fold in range(FOLDS):
        crisis, _ = fit([case for case, other in zip(cases, folds, strict=True) if other != fold])
        for (label, places), own in zip(cases, folds, strict=True):
            if own == fold and label in scores:
                scores[label].append(weigh(crisis, places))
    hard, real = sorted(scores["none"]), sorted(scores["real"])
    return max(_share(hard, ALARMS), _share(real, REAL_ALARMS)), _share(hard, DOUBTS)


def _share(ordered: Sequence[float], above: float) -> float:
    """The score that a share of the scores lies above."""
    return ordered[int(len(ordered) * (1 - above))]


def main(folder: str, english: str, korean: str) -> None:
    """Write the weights of both languages and their thresholds."""
    assert len(LABELS) == len(SIGN_KINDS)
    FOLDER.mkdir(exist_ok=True)
    lines = ["# Made by redheart_core/safety/fitting.py; a score from the threshold on is a sign.\n"]
    for language, comments, column in (("en", english, 0), ("ko", korean, 1)):
        cases = [*read_cases(Path(folder) / f"tuned_{language}.tsv"), *read_comments(Path(comments), column)]
        crisis, kinds = fit(cases)
        (FOLDER / f"{language}.bin").write_bytes(crisis + b"".join(kinds))
        threshold, doubt = limits(cases)
        lines.append(f"\n[{language}]\nthreshold = {threshold:.1f}\ndoubt = {doubt:.1f}\n")
    (FOLDER / "thresholds.toml").write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
