"""Measures the exact information measures: time and peak memory, each case in a process of its own on one core.

Run from the repository root: python tests/benchmarks/bench_exact.py [--seed 0] [--repeats 5]
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

from redheart_core.exact.neighbours import conditional_mutual_information, mutual_information, transfer_entropy
from redheart_core.exact.surd import decompose_samples
from redheart_core.exact.surd_sampling import estimate

Case = Callable[[np.random.Generator], Callable[[], object]]


def surd(rng: np.random.Generator) -> Callable[[], object]:
    """SURD, 6 sources, 10 bins, 100,000 samples."""
    sources = rng.standard_normal((100_000, 6))
    target = sources.sum(axis=1) + rng.standard_normal(100_000)
    return lambda: decompose_samples(target, sources, bins=10)


def corrected_surd(rng: np.random.Generator) -> Callable[[], object]:
    """SURD, 3 sources, 8 bins, 100,000 samples, with 50 shuffles and 200 resamples."""
    sources = rng.standard_normal((100_000, 3))
    target = sources.sum(axis=1) + rng.standard_normal(100_000)
    return lambda: estimate(target, sources, rng=rng, bins=8)


def ksg(rng: np.random.Generator) -> Callable[[], object]:
    """KSG mutual information, 10,000 samples, k = 5, correlation 0.6."""
    x, e = rng.standard_normal((2, 10_000))
    return lambda: mutual_information(x, 0.6 * x + 0.8 * e)


def frenzel_pompe(rng: np.random.Generator) -> Callable[[], object]:
    """Conditional mutual information, 10,000 samples, k = 5."""
    x, y, z = rng.standard_normal((3, 10_000))
    return lambda: conditional_mutual_information(x + z, y + z, z)


def transfer(rng: np.random.Generator) -> Callable[[], object]:
    """Transfer entropy, 10,000 steps, two lags each, k = 5."""
    x, e = rng.standard_normal((2, 10_001))
    return lambda: transfer_entropy(x[1:], 0.6 * x[:-1] + e[1:], source_lags=2, target_lags=2)


CASES: dict[str, Case] = {case.__name__: case for case in (surd, corrected_surd, ksg, frenzel_pompe, transfer)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--case", choices=sorted(CASES), help="measure this one here")
    arguments = parser.parse_args()
    if arguments.case:
        measure(arguments.case, arguments.seed, arguments.repeats)
        return
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    for name in CASES:
        command = [sys.executable, __file__, "--case", name]
        options = ["--seed", str(arguments.seed), "--repeats", str(arguments.repeats)]
        subprocess.run(command + options, check=True, env=os.environ | threads)


def measure(name: str, seed: int, repeats: int) -> None:
    """Median time of the calls, and the peak of the whole process beside what it held before the first."""
    call = CASES[name](np.random.default_rng(seed))
    before = peak_mib()
    wall_s, processor_s = [], []
    for _ in range(repeats):
        started = time.perf_counter(), time.process_time()
        call()
        wall_s.append(time.perf_counter() - started[0])
        processor_s.append(time.process_time() - started[1])
    print(
        f"{CASES[name].__doc__} {statistics.median(wall_s):.3f} s, {statistics.median(processor_s):.3f} s of processor "
        f"time, peak {peak_mib():.0f} MiB ({before:.0f} MiB before the first call)",
        flush=True,
    )


def peak_mib() -> float:
    """Largest resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


if __name__ == "__main__":
    main()
