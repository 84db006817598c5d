"""Prints how well a constant and a linear model predict each label, and how alike the texts are.

python -m redheart_village.baselines
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import attrs
import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.kernel_ridge import KernelRidge
from sklearn.pipeline import make_union

from redheart_core import CATALOGUE, Record
from redheart_village.records import make_records
from redheart_village.settings import VillageSettings

Matrix = NDArray[np.float64]
FIELDS = ("emotion", "bentham", "utility", "regret", "choice_factors")


@attrs.frozen
class Score:
    """How two predictors do on one label of the held-out records."""

    field: str
    label: str
    spread: float
    """Standard deviation of the label."""
    constant_mae: float
    constant_r2: float
    linear_mae: float
    linear_r2: float


def target_matrix(records: Sequence[Record]) -> tuple[list[tuple[str, str]], Matrix]:
    """Field and label of every column, and the labels as (N, L)."""
    columns = [(name, label) for name in FIELDS for label in CATALOGUE[name].labels or (name,)]
    rows = [
        [number for name in FIELDS for number in CATALOGUE[name].to_numbers(record.values[name], record.where).flat]
        for record in records
    ]
    return columns, np.array(rows, dtype=np.float64)


def held_out(records: Sequence[Record]) -> NDArray[np.bool_]:
    """True for the fifth of the records, by hash of the id, that the models do not see."""
    return np.array([hashlib.sha256(record.id.encode()).digest()[0] < 51 for record in records])


def linear_prediction(texts: Sequence[str], y: Matrix, test: NDArray[np.bool_]) -> Matrix:
    """Ridge regression on TF-IDF of word and character n-grams, both fitted on the other records; (N_test, L)."""
    encoder = make_union(
        TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), min_df=5, sublinear_tf=True, max_features=30_000),
    )
    x = encoder.fit_transform([text for text, out in zip(texts, test, strict=True) if not out])
    # more features than records: the dual form of ridge regression is the small one
    model = KernelRidge(alpha=1.0, kernel="linear")
    mean = y[~test].mean(0)
    model.fit(x, y[~test] - mean)
    unseen = encoder.transform([text for text, out in zip(texts, test, strict=True) if out])
    return np.asarray(model.predict(unseen) + mean, dtype=np.float64)


def baseline_scores(records: Sequence[Record]) -> list[Score]:
    """One score per label, constant predictor beside linear model."""
    columns, y = target_matrix(records)
    test = held_out(records)
    truth = y[test]
    mean = np.broadcast_to(y[~test].mean(0), truth.shape)
    linear = linear_prediction([record.text for record in records], y, test)
    return [
        Score(
            field,
            label,
            float(y[:, k].std()),
            *_mae_and_r2(mean[:, k], truth[:, k]),
            *_mae_and_r2(linear[:, k], truth[:, k]),
        )
        for k, (field, label) in enumerate(columns)
    ]


def near_duplicate_share(texts: Sequence[str], words: int = 4, alike: float = 0.8) -> float:
    """Share of texts that share more than `alike` of their word shingles (Jaccard) with another text."""
    counter = CountVectorizer(
        binary=True, ngram_range=(words, words), token_pattern=r"\w+", lowercase=True, dtype=np.int32
    )
    shingles = counter.fit_transform(texts)
    sizes = np.asarray(shingles.sum(1)).ravel()
    common = (shingles @ shingles.T).tocoo()
    jaccard = common.data / (sizes[common.row] + sizes[common.col] - common.data)
    close = (common.row != common.col) & (jaccard > alike)
    return len(np.unique(common.row[close])) / len(texts)


def _mae_and_r2(prediction: Matrix, truth: Matrix) -> tuple[float, float]:
    residual = float(((truth - prediction) ** 2).sum())
    total = float(((truth - truth.mean()) ** 2).sum())
    return float(np.abs(truth - prediction).mean()), 1.0 - residual / total


def main() -> None:
    """Print one table row per label, the mean of each field, and the near-duplicates of each language."""
    records = list(make_records(VillageSettings()))
    scores = baseline_scores(records)
    print("| field | label | std | constant MAE | constant R2 | linear MAE | linear R2 |")
    print("|---|---|---|---|---|---|---|")
    for field in FIELDS:
        rows = [score for score in scores if score.field == field]
        if len(rows) > 1:
            for row in rows:
                _print_row(field, row.label, [row])
        _print_row(field, "**mean**" if len(rows) > 1 else "", rows)
    for language in ("en", "ko"):
        texts = [record.text for record in records if record.language == language]
        print(
            f"\n{language}: {len(texts)} texts, {len(set(texts))} different, mean length "
            f"{np.mean([len(text) for text in texts]):.0f} characters, "
            f"{near_duplicate_share(texts):.2%} share more than 80 % of their word 4-shingles with another"
        )


def _print_row(field: str, label: str, rows: Sequence[Score]) -> None:
    numbers = [
        float(np.mean([getattr(row, name) for row in rows]))
        for name in ("spread", "constant_mae", "constant_r2", "linear_mae", "linear_r2")
    ]
    print(f"| {field} | {label} | " + " | ".join(f"{number:.3f}" for number in numbers) + " |")


if __name__ == "__main__":
    main()
