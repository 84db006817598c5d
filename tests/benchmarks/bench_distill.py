"""What a linear student learns of valence, arousal and dominance from the answers of `ready`.

OMP_NUM_THREADS=1 python tests/benchmarks/bench_distill.py runs/ready/run/store

The store is that of plugins/ready/make.py. Students are the ridge regression of `linear` on the training sentences of
EmoBank, and on these with every fifth training comment of GoEmotions (6,000 at most), which has no such labels.
Explained variance of each number on the validation sentences of EmoBank, on which no student chooses anything.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import attrs
import numpy as np
import torch
from torch import Tensor

import redheart
from redheart_core.data.batches import BatchSource
from redheart_core.data.fitting import StorePart
from redheart_core.data.store import Store
from redheart_core.models.model import Model
from redheart_export.inputs import inputs_of_rows
from redheart_linear import ridge
from redheart_linear.features import Features
from redheart_linear.problems import Matrix, Records

COMMENTS = 6000
LIMITS = (1.0, 5.0)


def rows_of(store: Store, split: str, dataset: str) -> Tensor:
    """The rows of a split that a data set gave."""
    rows = store.rows(split)
    return rows[store.sources[rows] == store.source_names.index(dataset)]


def answers(model: Model, source: BatchSource, rows: Tensor) -> dict[str, Matrix]:
    """What the model and its linear group say, (N, 3)."""
    names = {"model": f"{model.manifest.answers['vad'][0].plugin}.vad", "its linear group": "linear_apart.vad"}
    found = {name: torch.full((len(rows), 3), torch.nan) for name in names}
    for part in source.fixed_order(rows):
        outputs = inputs_of_rows(model, source, part).answers(model)[0]
        for name, output in names.items():
            found[name][torch.searchsorted(rows, part)] = outputs[output]
    return {name: tensor.double().numpy() for name, tensor in found.items()}


def features(part: StorePart) -> Features:
    """What `linear` reads."""
    return Features(part.terms(), part.words(), part.embedding().numpy())


def student(source: BatchSource, rows: Tensor, targets: Matrix, others: StorePart) -> Matrix:
    """What a ridge regression on some rows says of others."""
    order = rows.argsort()
    part, targets = StorePart(source, rows[order]), targets[order.numpy()]
    records = Records(features(part), targets, np.ones(targets.shape, bool), "values")
    found = ridge.fit(records, LIMITS, part.folds(len(part)).numpy())
    return features(others).apply(found.coefficients)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path)
    store = Store.open(parser.parse_args().store)
    torch.set_num_threads(1)
    source = BatchSource(store, ["vad"], 64, 0, torch.device("cpu"))
    ready = redheart.load("ready").assembled
    model = attrs.evolve(ready, groups=tuple(group for group in ready.groups if group.name.endswith("_apart")))
    sentences, comments = rows_of(store, "train", "emobank"), rows_of(store, "train", "goemotions")[::5][:COMMENTS]
    comments = comments.contiguous()
    validation = StorePart(source, rows_of(store, "validation", "emobank"))
    labels, truth = (store.target("vad")[rows].double().numpy() for rows in (sentences, validation.rows))
    said = {rows: answers(model, source, one)["model"] for rows, one in (("s", sentences), ("c", comments))}
    both = torch.cat([sentences, comments])
    found = answers(model, source, validation.rows)
    found |= {
        "labels": student(source, sentences, labels, validation),
        "labels and answers, half each": student(source, sentences, (labels + said["s"]) / 2, validation),
        "answers": student(source, sentences, said["s"], validation),
        "labels, answers to comments": student(source, both, np.vstack([labels, said["c"]]), validation),
        "answers to both": student(source, both, np.vstack([said["s"], said["c"]]), validation),
    }
    for name, numbers in found.items():
        errors = np.square(numbers.clip(*LIMITS) - truth).sum(0) / np.square(truth - truth.mean(0)).sum(0)
        print(f"| {name} | {' | '.join(f'{one:.3f}' for one in 1 - errors)} | {1 - errors.mean():.3f} |")


if __name__ == "__main__":
    main()
