"""What `linear` says of its own training records where texts were sent several times with a word changed.

.venv/bin/python tests/benchmarks/bench_copies.py FOLDER --seeds 10

60 letters of four sentences, each sent one to nine times under another name, with an anger of their own. Root mean
square errors: of honest answers on the training records, with every record left out by itself and with near-duplicates
left out together, and of the same fits on validation, whose letters are others. The folder gets a store for each seed.
"""

from __future__ import annotations

import argparse
import csv
import random
from pathlib import Path

import numpy as np
import torch
from scipy import stats

import redheart
from redheart_core import Field
from redheart_core.data.batches import BatchSource
from redheart_core.data.fitting import StorePart
from redheart_core.data.store import Store
from redheart_linear import ridge
from redheart_linear.features import Features
from redheart_linear.problems import Matrix, Records
from redheart_linear.training import records_of

OPENERS = ("I bought the {} {} and {}.", "The {} that I got {} is a letdown: {}.", "You sold me a {} {}; {}.")
PRODUCTS = ("kettle", "desk lamp", "coffee grinder", "garden hose", "phone case", "office chair", "rain jacket")
TIMES = ("last week", "in March", "two days ago", "for my birthday", "yesterday", "before the holidays")
FAULTS = {
    "the box was empty": 0.9,
    "it broke on the first day": 0.7,
    "one part is missing": 0.4,
    "the colour is not the one on the picture": 0.2,
    "it smells of burnt plastic": 0.6,
    "it is louder than I expected": 0.15,
}
ENDS = (
    "Please send a new one to the address above.",
    "I want my money back now and not next month!",
    "I am really sad about it, as it was a present.",
    "Could you tell me what I should do with it?",
    "This is the third time that I have to write to you.",
    "Thanks in advance for a quick answer to this mail.",
)
NAMES = ("Anna", "Ben", "Carla", "David", "Eva", "Finn", "Greta", "Hugo", "Ida")


def write(path: Path, seed: int) -> None:
    """The letters of a seed, as CSV."""
    draw, number = random.Random(seed), 0
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "text", "anger"])
        for _ in range(60):
            fault = draw.choice(list(FAULTS))
            opener = draw.choice(OPENERS).format(draw.choice(PRODUCTS), draw.choice(TIMES), fault)
            body, anger = " ".join([opener, *draw.sample(ENDS, 3)]), FAULTS[fault] + draw.gauss(0, 0.25)
            for name in NAMES[: draw.randint(1, 9)]:
                rows.writerow([number, f"{body} {name}", round(min(1.0, max(0.0, anger + draw.gauss(0, 0.03))), 3)])
                number += 1


def prepare(folder: Path, seed: int) -> Store:
    """The store of a seed."""
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "letters.csv", seed)
    (folder / "plugins.toml").write_text(
        'active = ["csv", "lsa", "linear"]\n[data]\ndataset = "csv"\nencoder = "lsa"\n[plugins.lsa]\nwidth = 32\n'
        '[plugins.csv]\nid = "id"\ntext = "text"\nlanguage = "en"\n'
        '[plugins.csv.fields.anger]\ncolumn = "anger"\nlow = 0\nhigh = 1\nunit = "1"\nmeaning = "how angry"\n'
    )
    given = {"csv.path": folder / "letters.csv"}
    return redheart.prepare(plugins=folder / "plugins.toml", settings=given, output=folder / "store", progress=False)


def read(store: Store, split: str) -> tuple[StorePart, Records]:
    """A split and its records."""
    part = StorePart(BatchSource(store, ["anger"], 64, 0, torch.device("cpu")), store.rows(split))
    features = Features(part.terms(), part.words(), part.embedding().numpy())
    return part, records_of(store.fields["anger"], part, features, np.ones(len(part), bool))


def error(answers: Matrix, records: Records, field: Field) -> float:
    """Root mean square, answers cut off at the field's limits."""
    return float(np.sqrt(np.square(answers.clip(field.low, field.high) - records.targets).mean()))


def measure(store: Store) -> list[float]:
    """Of each record by itself, then of clusters: the honest error, that on validation; then that of the constant."""
    (part, train), (_, others), field = read(store, "train"), read(store, "validation"), store.fields["anger"]
    found: list[float] = []
    for clusters in (np.arange(len(part)), part.folds(len(part)).numpy()):
        strength = ridge.choose(train, (field.low, field.high), clusters)
        fit = ridge.by_pairs(train, strength, clusters)
        found += [error(fit.honest, train, field), error(others.features.apply(fit.coefficients), others, field)]
    return [*found, error(np.full(others.targets.shape, train.targets.mean()), others, field)]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=10)
    given = parser.parse_args()
    table = np.array([measure(prepare(given.folder / str(seed), seed)) for seed in range(given.seeds)])
    names = ("honest, each by itself", "validation", "honest, near-duplicates together", "validation", "constant")
    width = stats.t.ppf(0.975, len(table) - 1) * table.std(0, ddof=1) / np.sqrt(len(table))
    for name, mean, half in zip(names, table.mean(0), width, strict=True):
        print(f"| {name} | {mean:.3f} +- {half:.3f} |")


if __name__ == "__main__":
    main()
