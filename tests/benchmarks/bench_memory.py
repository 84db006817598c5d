"""A memory of 100,000 cases: recall and time of approximate search, time of adding and deleting, room on disk.

python tests/benchmarks/bench_memory.py RUN/store
python tests/benchmarks/bench_memory.py RUN/store --postgres postgresql://postgres@/cases

Cases are training and calibration records of a prepared store, queries are validation records. Without a store both are
drawn from a normal distribution, where nothing is near anything: the hardest case. The file or database is a new one.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from redheart_core.contract.data import SPLITS
from redheart_core.data.identity import EncoderIdentity, EncoderPart
from redheart_core.data.index import ROWS_FILE, STORE_INDEX
from redheart_core.data.mapped import map_tensors
from redheart_core.memory.case import Case, make_case
from redheart_core.memory.cases import Cases
from redheart_core.memory.filters import EVERY, Filter, LabelCondition
from redheart_core.memory.opening import open_cases
from redheart_core.memory.vectors import text_vector

QUERIES = 300
NEAREST = 10
WIDTH = 512
TOGETHER = 1000
FILTERS = {
    "all": EVERY,
    "half of them": Filter(languages=("en",)),
    "a tenth": Filter(sources=("tenth",)),
    "a hundredth": Filter(labels=(LabelCondition.parse("part<=0.01"),)),
}


def main() -> None:
    """Fill a memory, search it and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", type=Path, nargs="?")
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--postgres", metavar="ADDRESS")
    options = parser.parse_args()
    vectors, queries = drawn(options.cases) if options.store is None else stored(options.store, options.cases)
    identity = EncoderIdentity((EncoderPart("bench", "1", "", vectors.shape[1]),), 200, "float32")
    print(f"{len(vectors)} cases of width {vectors.shape[1]}, {len(queries)} queries, {NEAREST} nearest")
    with tempfile.TemporaryDirectory() as folder:
        where = options.postgres or f"{folder}/cases.db"
        with open_cases(where, identity) as cases:
            fill(cases, vectors)
            if not options.postgres:
                print(f"{sum(path.stat().st_size for path in Path(folder).iterdir()) / len(cases):.0f} bytes a case")
        started = time.perf_counter()
        with open_cases(where) as cases:
            cases.nearest(queries[0], NEAREST)
            print(f"opening and first search: {time.perf_counter() - started:.2f} s")
            search(cases, queries)
            started = time.perf_counter()
            cases.delete(Filter(ids=("7",)))
            print(f"deleting a case: {time.perf_counter() - started:.1f} s")
            started = time.perf_counter()
            print(f"verifying {cases.verify()}: {time.perf_counter() - started:.1f} s")


def drawn(count: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Cases and queries without any structure."""
    numbers = np.random.default_rng(0).normal(size=(count + QUERIES, WIDTH)).astype(np.float32)
    return numbers[:count], numbers[count:]


def stored(folder: Path, count: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Vectors of training and calibration records, and of validation records."""
    index = STORE_INDEX.read(folder / "index.json")
    parts = []
    for shard in index.shards:
        arrays = map_tensors(folder / shard.file)
        ends = zip(arrays["offsets"][:-1], arrays["offsets"][1:], strict=True)
        parts += [text_vector(arrays["chunks"][start:end]) for start, end in ends]
    vectors, splits = np.stack(parts).astype(np.float32), map_tensors(folder / ROWS_FILE)["splits"]
    known, order = vectors.any(axis=1), np.random.default_rng(0).permutation(len(vectors))

    def some(*names: str) -> NDArray[np.float32]:
        chosen = known & np.isin(splits, [SPLITS.index(name) for name in names])
        return vectors[order[chosen[order]]]

    return some("train", "calibration")[:count], some("validation")[:QUERIES]


def fill(cases: Cases, vectors: NDArray[np.float32]) -> None:
    """Add a case for each vector."""
    started = time.perf_counter()
    for start in range(0, len(vectors), TOGETHER):
        cases.add([_case(number, vectors) for number in range(start, min(start + TOGETHER, len(vectors)))])
    taken = time.perf_counter() - started
    print(f"adding: {taken:.0f} s, {taken / len(vectors) * 1000:.2f} ms a case")


def _case(number: int, vectors: NDArray[np.float32]) -> Case:
    return make_case(
        str(number),
        vectors[number],
        vectors.shape[1],
        labels={"part": number * 7919 % len(vectors) / len(vectors), "votes.right": float(number % 6)},
        language="en" if number % 2 else "ko",
        source="tenth" if number % 10 == 0 else "others",
    )


def search(cases: Cases, queries: NDArray[np.float32]) -> None:
    """Recall against the exact search, and times, with and without a filter."""
    for name, chosen in FILTERS.items():
        exact, exact_ms, _ = timed(cases, queries[:50], chosen, exact=True)
        found, found_ms, own_ms = timed(cases, queries, chosen, exact=False)
        hits = [len(set(a) & set(b)) / NEAREST for a, b in zip(exact, found, strict=False)]
        print(
            f"{name}: recall {np.mean(hits):.4f}, worst of a query {min(hits):.1f}; p50 {np.median(found_ms):.2f} ms, "
            f"p95 {np.quantile(found_ms, 0.95):.2f} ms (this process at work: p50 {np.median(own_ms):.2f}, "
            f"p95 {np.quantile(own_ms, 0.95):.2f}); exact p50 {np.median(exact_ms):.0f} ms"
        )


def timed(
    cases: Cases, queries: NDArray[np.float32], chosen: Filter, exact: bool
) -> tuple[list[list[str]], list[float], list[float]]:
    """The ids that each query finds, the milliseconds it takes, and those that this process works."""
    found, taken, worked = [], [], []
    for query in queries:
        started, begun = time.perf_counter(), time.process_time()
        near = cases.nearest(query, NEAREST, chosen, exact=exact)
        taken.append((time.perf_counter() - started) * 1000)
        worked.append((time.process_time() - begun) * 1000)
        found.append([one.case.id for one in near])
    return found, taken, worked


if __name__ == "__main__":
    main()
