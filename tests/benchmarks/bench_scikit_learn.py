"""What a short script with scikit-learn reaches on the splits of a run, beside what the run itself does.

Usage: python tests/benchmarks/bench_scikit_learn.py RUN [--node linear] [--korean] [--language en]

RUN is a finished run. Its store says which records train, validate and test, so that both sides learn from the same
texts and are evaluated on the same ones; with --language the script sees the records in that language alone, and both
are evaluated on those. The script is TF-IDF of words and pairs of words and of parts of words of two
to five characters (of one to four characters across words with --korean, and no words), and on it logistic regression
for labels and votes, ridge regression for values and shares. Strengths are chosen on the validation records, thresholds
of labels by cross-validation on the training records. Printed is a row for each field that the node answers: macro-F1,
mean Pearson r, mean R2, or by how much the soft cross-entropy is below that of the training shares; and the difference
with its 95 % interval from a paired bootstrap over the test records. The last row is the mean R2 of all columns that
are values or shares.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import precision_recall_curve
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from torch import Tensor

from redheart.options import PluginChoice
from redheart.sessions import open_session
from redheart_core import Field
from redheart_core.data.language import language_number
from redheart_core.data.store import Store
from redheart_core.groups.validation import evaluate, has_objective
from redheart_core.nn.answers import kind_of
from redheart_core.runs.run import RunFolder
from redheart_core.training.context import TrainingContext
from redheart_core.training.progress import load_fixed

Matrix = NDArray[np.float64]
SPLITS = ("train", "validation", "test")
RESAMPLES = 1000


@attrs.frozen(eq=False)
class Part:
    """The records of a split that have a field."""

    features: Any
    targets: Matrix


def features(store: Store, rows: dict[str, Tensor], korean: bool) -> dict[str, Any]:
    """Split to TF-IDF of its rows, fitted on the training texts."""
    texts = {split: [store.text(row) for row in some.tolist()] for split, some in rows.items()}
    words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    parts = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), min_df=2, sublinear_tf=True)
    characters = TfidfVectorizer(analyzer="char", ngram_range=(1, 4), min_df=2, sublinear_tf=True)
    kinds = [characters] if korean else [words, parts]
    for kind in kinds:
        kind.fit(texts["train"])
    return {
        split: sparse.hstack([kind.transform(some) for kind in kinds], format="csr") for split, some in texts.items()
    }


def labels(train: Part, validation: Part, test: Part) -> tuple[Matrix, Matrix]:
    """Probabilities on the test records, one regression a label, and the thresholds that make decisions of them."""
    tried = {c: [regression(c).fit(train.features, y) for y in train.targets.T] for c in (1.0, 4.0)}
    errors = {c: log_loss(positive(models, validation.features), validation.targets) for c, models in tried.items()}
    c = min(errors, key=errors.__getitem__)
    held = [
        cross_val_predict(regression(c), train.features, y, cv=StratifiedKFold(3), method="predict_proba")[:, 1]
        for y in train.targets.T
    ]
    limits = [best_limit(p, y) for p, y in zip(held, train.targets.T, strict=True)]
    return positive(tried[c], test.features), np.array(limits)


def positive(models: Sequence[Any], features: Any) -> Matrix:
    return np.stack([model.predict_proba(features)[:, 1] for model in models], 1)


def log_loss(given: Matrix, targets: Matrix) -> float:
    return float(-np.log(np.where(targets > 0, given, 1 - given)).mean())


def regression(c: float) -> Any:
    return LogisticRegression(C=c, solver="liblinear")


def best_limit(probabilities: Matrix, targets: Matrix) -> float:
    """The threshold of the highest F1."""
    precision, recall, limits = precision_recall_curve(targets, probabilities)
    return float(limits[np.argmax(precision * recall / np.maximum(precision + recall, 1e-12))])


def values(train: Part, validation: Part, test: Part) -> Matrix:
    """Values or shares of the test records."""
    models = [Ridge(alpha, solver="sparse_cg").fit(train.features, train.targets) for alpha in (1.0, 3.0, 10.0)]
    errors = [float(np.square(m.predict(validation.features) - validation.targets).mean()) for m in models]
    return np.asarray(models[int(np.argmin(errors))].predict(test.features))


def votes(train: Part, validation: Part, test: Part) -> Matrix:
    """Shares of the votes on the test records: every class with its share as a weight."""
    size = train.targets.shape[1]
    stacked, classes = sparse.vstack([train.features] * size), np.repeat(np.arange(size), train.features.shape[0])
    weights = shares(train.targets).T.ravel()
    used = weights > 0
    models = [
        LogisticRegression(C=c, max_iter=300).fit(stacked[used], classes[used], sample_weight=weights[used])
        for c in (0.1, 0.3, 1.0)
    ]
    errors = [cross_entropy(m.predict_proba(validation.features), validation.targets) for m in models]
    return np.asarray(models[int(np.argmin(errors))].predict_proba(test.features))


def shares(counts: Matrix) -> Matrix:
    return np.asarray(counts / counts.sum(1, keepdims=True))


def cross_entropy(given: Matrix, counts: Matrix) -> float:
    return float(-(shares(counts) * np.log(given)).sum(1).mean())


def macro_f1(decided: Matrix, targets: Matrix) -> float:
    hits = (decided * targets).sum(0)
    named = decided.sum(0) + targets.sum(0)
    return float((2 * hits[named > 0] / named[named > 0]).mean())


def mean_r(given: Matrix, targets: Matrix) -> float:
    columns = zip(given.T, targets.T, strict=True)
    return float(np.mean([np.corrcoef(one, other)[0, 1] for one, other in columns]))


def mean_r2(given: Matrix, targets: Matrix) -> float:
    return float((1 - np.square(given - targets).sum(0) / np.square(targets - targets.mean(0)).sum(0)).mean())


def row(name: str, figure: Callable[[Matrix, Matrix], float], own: Matrix, other: Matrix, targets: Matrix) -> str:
    """A line of the table; resamples are the same for both sides."""
    draw = np.random.default_rng(0)
    pairs = [
        (figure(own[rows], targets[rows]), figure(other[rows], targets[rows]))
        for rows in (draw.integers(len(targets), size=len(targets)) for _ in range(RESAMPLES))
    ]
    left, right = figure(own, targets), figure(other, targets)
    difference = with_interval(left - right, [one - two for one, two in pairs], "+")
    return (
        f"| {name} | {len(targets)} | {with_interval(left, [one for one, _ in pairs])} | {right:.4f} | {difference} |"
    )


def with_interval(value: float, resampled: Sequence[float], sign: str = "") -> str:
    low, high = np.quantile(resampled, (0.025, 0.975))
    return f"{value:{sign}.4f} [{low:{sign}.4f}, {high:{sign}.4f}]"


def answers(run: RunFolder, context: TrainingContext, node: str) -> tuple[dict[str, Matrix], dict[str, Any]]:
    """What a node says of the test records at the best epochs below it, and its thresholds."""
    rows = context.store.rows("test")
    for group in context.groups:
        module = context.module(group)
        load_fixed(run, group, module)
        if node in {one.name for one in group.nodes}:
            assert has_objective(module)
            limits = run.group(group.name).read().best.thresholds
            found = evaluate(module, context.source, rows, limits).predictions
            return {name.partition(".")[2]: tensor.double().numpy() for name, tensor in found.items()}, {
                name.partition(".")[2]: one for name, one in limits.items()
            }
        context.add_outputs(group, module, ("test",))
    raise SystemExit(f"the run has no node '{node}'")


def compare(field: Field, own: Matrix, limits: Any, parts: tuple[Part, Part, Part]) -> tuple[str, Matrix | None]:
    """The row of a field, and the script's numbers if R2 is a figure for them."""
    kind, (train, _, test) = kind_of(field), parts
    if kind == "labels":
        other, thresholds = labels(*parts)
        decided = own >= np.array([2.0 if one is None else one for one in limits])
        name = f"{field.name}, macro-F1"
        return row(name, macro_f1, decided.astype(float), (other >= thresholds).astype(float), test.targets), None
    if kind == "votes":
        prior = shares(train.targets).mean(0)

        def below(given: Matrix, counts: Matrix) -> float:
            return cross_entropy(np.broadcast_to(prior, given.shape), counts) - cross_entropy(given, counts)

        return row(f"{field.name}, nats below the prior", below, own, votes(*parts), test.targets), None
    found = values(*parts).reshape(len(test.targets), -1)
    figure, name = (mean_r, "mean r") if field.name == "vad" else (mean_r2, "mean R2")
    return row(f"{field.name}, {name}", figure, own, found, test.targets), found


def split_rows(store: Store, name: str, language: str | None) -> dict[str, tuple[Matrix, NDArray[np.bool_]]]:
    """Split to the targets of a field, and which of its records have one and are in the language."""
    found: dict[str, tuple[Matrix, NDArray[np.bool_]]] = {}
    for split in SPLITS:
        rows = store.rows(split)
        target = store.target(name)[rows].double().numpy()
        target = target.reshape(len(target), -1)
        known = ~np.isnan(target).any(1) & ((target.sum(1) > 0) | (not store.fields[name].counts))
        if language:
            known &= (store.language_numbers[rows] == language_number(language)).numpy()
        found[split] = target, known
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--node", default="linear")
    parser.add_argument("--korean", action="store_true")
    parser.add_argument("--language", help="only the records in this language, such as en")
    options = parser.parse_args()
    session = open_session(options.run, PluginChoice())
    store, columns = session.context.store, list[tuple[Matrix, Matrix, Matrix]]()
    given, limits = answers(session.run, session.context, options.node)
    print(f"| {options.run} | records | {options.node} | twenty lines | difference |\n|---|---|---|---|---|")
    last, made = b"", dict[str, Any]()
    for name, answered in given.items():
        found = split_rows(store, name, options.language)
        rows = {split: store.rows(split)[torch.from_numpy(known)] for split, (_, known) in found.items()}
        if not len(rows["test"]):
            continue
        key = b"".join(some.numpy().tobytes() for some in rows.values())
        if key != last:
            last, made = key, features(store, rows, options.korean)
        train, validation, test = (Part(made[split], target[known]) for split, (target, known) in found.items())
        own = answered.reshape(len(answered), -1)[found["test"][1]]
        line, other = compare(store.fields[name], own, limits.get(name), (train, validation, test))
        print(line, flush=True)
        if other is not None:
            columns.append((own, other, test.targets))
    if len(columns) > 1 and len({len(own) for own, _, _ in columns}) == 1:
        own, other, targets = (np.hstack(part) for part in zip(*columns, strict=True))
        print(row(f"all {targets.shape[1]} columns, mean R2", mean_r2, own, other, targets))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
