"""What exports of a model lose: macro-F1 of the 28 labels of GoEmotions, on every eighth comment of a file.

OMP_NUM_THREADS=1 python tests/benchmarks/bench_pruning.py goemotions/dev.tsv MODEL EXPORTED... prints a row for each of
what `redheart export MODEL` made with --prune or --int8. Thresholds are MODEL's own; intervals (95 %) are those of the
paired difference over comments.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

import redheart
from redheart.analyzing import read_record
from redheart_core import CATALOGUE
from redheart_core.exact.bootstrap import Draws, interval
from redheart_core.exact.clusters import Clusters
from redheart_core.nn.label_metrics import macro_f1
from redheart_core.storage.runtime import generator
from redheart_export.inputs import inputs_of_texts

EVERY = 8
FIELD = "goemotions"
GROUPS = ("text_transformer", "stacking_fusion")
"""Those whose answers are compared; the second reads the first."""


def read(path: Path) -> tuple[list[str], Tensor]:
    """Texts, and (N, 28) whether each has a label."""
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()][::EVERY]
    labels = torch.zeros(len(rows), len(CATALOGUE[FIELD].labels))
    for row, (_, numbers, _) in zip(labels, rows, strict=True):
        row[[int(one) for one in numbers.split(",")]] = 1.0
    return [row[0] for row in rows], labels


def answers(model: redheart.Model, texts: list[str]) -> dict[str, Tensor]:
    """Probabilities of the labels, by group; the comments have one chunk each, so that their order stays."""
    given = [read_record(model, {"text": text, "language": "en"}, "a comment", None) for text in texts]
    inputs = list(inputs_of_texts(model.assembled, model.encoder, given))
    assert {one.embedding.shape[1] for one in inputs} == {1}
    found = [one.answers(model.assembled)[0] for one in inputs]
    return {name: torch.cat([one[f"{name}.{FIELD}"] for one in found]) for name in GROUPS}


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description="What exports of a model lose.")
    parser.add_argument("file", type=Path)
    parser.add_argument("model")
    parser.add_argument("exported", nargs="+")
    given = parser.parse_args()
    torch.set_num_threads(1)
    texts, labels = read(given.file)
    model, rows = redheart.load(given.model), torch.arange(len(texts))
    whole = answers(model, texts)
    limits = {name: model.assembled.manifest.groups[name].thresholds[f"{name}.{FIELD}"] for name in GROUPS}
    draws = Draws(Clusters(rows), generator("bootstrap", len(texts)))

    def points(found: Mapping[str, Tensor], name: str, some: Tensor) -> float:
        known = torch.ones(len(some), labels.shape[1], dtype=torch.bool)
        return 100 * macro_f1(found[name][some], labels[some], known, limits[name])

    def lost(found: Mapping[str, Tensor], name: str, some: Tensor) -> float:
        return points(found, name, some) - points(whole, name, some)

    print(", ".join(f"{name} {points(whole, name, rows):.2f}" for name in GROUPS), f"on {len(texts)} comments")
    print(f"| model | {' | '.join(f'{name}, mean difference' for name in GROUPS)} |\n|---|---|---|", flush=True)
    for folder in given.exported:
        found, cells = answers(redheart.load(folder), texts), []
        for name in GROUPS:
            one = partial(lost, found, name)
            difference = interval(one(rows), draws.apply(torch.ones(len(texts), dtype=torch.bool), one))
            low, high = difference.ends
            mean = float((found[name] - whole[name]).abs().mean())
            cells.append(f"{difference.number:+.2f} [{low:+.2f}, {high:+.2f}], {mean:.4f}")
        print(f"| {Path(folder).name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
