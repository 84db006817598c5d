"""Measures the encoder lsa on the scenarios: time, memory, and what a ridge regression reads from the vectors.

Run from the repository root: python tests/benchmarks/bench_lsa.py FOLDER, where FOLDER holds the scenario files.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Sequence
from pathlib import Path

import attrs
import numpy as np
from numpy.typing import NDArray

from redheart_core import Encoder, Field, Record
from redheart_core.data.text import chunk_text
from redheart_lsa import redheart_provide_encoders
from redheart_lsa.settings import LsaSettings
from redheart_scenarios import redheart_provide_datasets
from redheart_scenarios.settings import ScenariosSettings

CHUNK_CHARS = 200
FIELDS = ("emotion", "regret", "bentham", "choice_factors")
PENALTIES = (300.0, 1000.0, 3000.0, 10000.0)


def main() -> None:
    """Fit on 70 per cent of the train part, encode everything, judge on the rest of the train part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--fit-chunks", type=int, default=LsaSettings().fit_chunks)
    parser.add_argument("--word-terms", type=int, default=LsaSettings().word_terms)
    parser.add_argument("--character-terms", type=int, default=LsaSettings().character_terms)
    parser.add_argument("--character-weight", type=float, default=LsaSettings().character_weight)
    arguments = parser.parse_args()
    (dataset,) = redheart_provide_datasets()
    records = list(dataset.records(ScenariosSettings(path=arguments.folder)))
    fields = [field for field in dataset.fields(ScenariosSettings()) if field.name in FIELDS]

    started = _now()
    chunks = [chunk_text(record.text, CHUNK_CHARS) for record in records]
    _say("cut", started, f"{len(records)} records, {sum(map(len, chunks))} chunks")
    train = [number for number, record in enumerate(records) if record.split == "train"]
    drawn = np.random.default_rng(0).permutation(len(train))
    fitted = [train[number] for number in drawn[: round(0.7 * len(records))]]
    judged = [train[number] for number in drawn[round(0.7 * len(records)) :]]

    settings = attrs.evolve(
        LsaSettings(),
        fit_chunks=arguments.fit_chunks,
        word_terms=arguments.word_terms,
        character_terms=arguments.character_terms,
        character_weight=arguments.character_weight,
    )
    (spec,) = redheart_provide_encoders()
    begun = _now()
    encoder = spec.fit(settings, [chunk for number in sorted(fitted) for chunk in chunks[number]])
    _say("fit", begun, encoder.revision)
    begun = _now()
    means = _means(encoder, chunks)
    _say("encode", begun, "all records")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    _say("cut, fit and encode", started, f"peak memory {peak:.2f} GiB")
    _judge(means, records, fields, fitted, judged)


def _means(encoder: Encoder, chunks: Sequence[Sequence[str]]) -> NDArray[np.float64]:
    """The mean vector of each record's chunks, (N, D)."""
    vectors = encoder.encode([chunk for of_record in chunks for chunk in of_record])
    ends = np.cumsum([len(of_record) for of_record in chunks])
    parts = np.split(vectors, ends[:-1])
    return np.stack([part.mean(axis=0, dtype=np.float64) for part in parts])


def _judge(
    means: NDArray[np.float64],
    records: Sequence[Record],
    fields: Sequence[Field],
    fitted: Sequence[int],
    judged: Sequence[int],
) -> None:
    """Print R^2 per label, meaned over each field; the penalty is the best of a few for all labels together."""
    scale = means[fitted].std()
    x = (means - means[fitted].mean(axis=0)) / scale
    y = np.array(
        [
            [number for field in fields for number in field.to_numbers(record.values[field.name], record.where)]
            for record in records
        ]
    )
    centre = y[fitted].mean(axis=0)
    gram, product = x[fitted].T @ x[fitted], x[fitted].T @ (y[fitted] - centre)
    best = (-np.inf, 0.0, np.zeros(y.shape[1]))
    for penalty in PENALTIES:
        predicted = x[judged] @ np.linalg.solve(gram + penalty * np.eye(len(gram)), product) + centre
        residual = np.square(y[judged] - predicted).sum(axis=0)
        r2 = 1 - residual / np.square(y[judged] - y[judged].mean(axis=0)).sum(axis=0)
        best = max(best, (float(r2.mean()), penalty, r2), key=lambda entry: entry[0])
    mean, penalty, r2 = best
    print(f"ridge R2 on {len(judged)} records, penalty {penalty:g}: {mean:.4f} over all labels")
    start = 0
    for field in fields:
        count = max(1, len(field.labels))
        print(f"  {field.name}: {r2[start : start + count].mean():.4f}")
        start += count


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _say(what: str, since: tuple[float, float], detail: str) -> None:
    wall_s, processor_s = (now - then for now, then in zip(_now(), since, strict=True))
    print(f"{what}: {wall_s:.1f} s, {processor_s:.1f} s of processor time ({detail})", flush=True)


if __name__ == "__main__":
    main()
