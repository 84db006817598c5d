"""R2 of every plugin on the test split, of the plain mean of their predictions, and of ridge on TF-IDF.

Usage: python tests/benchmarks/bench_average.py RUN

RUN is a finished run. For each field: the mean over its labels of R2 = 1 - SS / SS about the mean, for each
output that is judged on it, for the mean of all but the fusions with and without the ridge regression, and for a ridge
regression on TF-IDF of words, word pairs and characters of the first 1,500 characters of the text (penalty chosen
on validation). The last lines are means over all label columns.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge

from redheart.options import PluginChoice
from redheart.sessions import open_session
from redheart_core.data.store import Store
from redheart_core.groups.validation import evaluate, has_objective
from redheart_core.runs.run import RunFolder
from redheart_core.training.context import TrainingContext
from redheart_core.training.progress import load_fixed

Array = NDArray[np.float64]
PENALTIES = (1.0, 3.0, 10.0, 30.0)


def r2(prediction: Array, target: Array) -> Array:
    """(N, L) and (N, L) with NaN where missing to (L,)."""
    present = ~np.isnan(target)
    mean = np.nanmean(target, axis=0)
    residual = np.where(present, (target - prediction) ** 2, 0.0).sum(0)
    total = np.where(present, (target - mean) ** 2, 0.0).sum(0)
    explained: Array = 1 - residual / total
    return explained


def predictions(run: RunFolder, context: TrainingContext) -> dict[str, dict[str, Array]]:
    """Field to output to (N, L) on the test split, at each group's best epoch."""
    rows = context.store.rows("test")
    found: dict[str, dict[str, Array]] = {}
    for group in context.groups:
        module = context.module(group)
        load_fixed(run, group, module)
        if has_objective(module):
            given = evaluate(module, context.source, rows).predictions
            for node, objective in module.objectives.items():
                answers = {metric.target: metric.output for metric in reversed(objective.metrics)}
                for target, output in answers.items():
                    name, field = f"{node}.{output}", context.store.fields[target]
                    if field.shape == given[name].shape[1:] and not field.counts:
                        found.setdefault(target, {})[name] = given[name].double().reshape(len(rows), -1).numpy()
        context.add_outputs(group, module, ("test",))
    return found


def ridge(store: Store, fields: list[str]) -> dict[str, Array]:
    """Field to (N, L) on the test split."""
    rows = {split: store.rows(split) for split in ("train", "validation", "test")}
    texts = {split: [store.text(row)[:1500] for row in rows[split].tolist()] for split in rows}
    words = TfidfVectorizer(ngram_range=(1, 2), min_df=3, sublinear_tf=True)
    letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), min_df=5, max_features=100_000, sublinear_tf=True)
    x = {"train": hstack([words.fit_transform(texts["train"]), letters.fit_transform(texts["train"])]).tocsr()}
    for split in ("validation", "test"):
        x[split] = hstack([words.transform(texts[split]), letters.transform(texts[split])]).tocsr()
    result = {}
    for field in fields:
        y = {split: store.target(field)[rows[split]].double().reshape(len(rows[split]), -1).numpy() for split in rows}
        whole = ~np.isnan(y["train"]).any(1)
        models = [Ridge(alpha=penalty).fit(x["train"][whole], y["train"][whole]) for penalty in PENALTIES]
        scores = [r2(_columns(model.predict(x["validation"])), y["validation"]).mean() for model in models]
        result[field] = _columns(models[int(np.argmax(scores))].predict(x["test"]))
    return result


def _columns(prediction: Array) -> Array:
    return prediction.reshape(len(prediction), -1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    session = open_session(parser.parse_args().run, PluginChoice())
    store, rows = session.context.store, session.context.store.rows("test")
    found = predictions(session.run, session.context)
    lines = ridge(store, list(found))
    columns: dict[str, list[float]] = {}
    for field, outputs in found.items():
        target = store.target(field)[rows].double().reshape(len(rows), -1).numpy()
        members = [prediction for name, prediction in outputs.items() if "_fusion." not in name]
        mean = np.mean(members, axis=0)
        best = max(outputs, key=lambda name: r2(outputs[name], target).mean())
        table = outputs | {
            "mean of plugins": mean,
            "ridge on TF-IDF": lines[field],
            "mean of plugins and ridge": (mean + lines[field]) / 2,
        }
        for name, prediction in table.items():
            print(f"{field:<16} {name:<36} {r2(prediction, target).mean():.3f}")
        for name in ("mean of plugins", "ridge on TF-IDF", "mean of plugins and ridge"):
            columns.setdefault(name, []).extend(r2(table[name], target).tolist())
        columns.setdefault("best plugin of each task", []).extend(r2(outputs[best], target).tolist())
        for name in outputs:
            if "_fusion." in name or name.startswith("linear."):
                columns.setdefault(name.partition(".")[0], []).extend(r2(outputs[name], target).tolist())
    for name, values in columns.items():
        print(f"{'all columns':<16} {name:<36} {np.mean(values):.3f} ({len(values)})")


if __name__ == "__main__":
    main()
