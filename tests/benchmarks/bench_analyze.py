"""Time of analyze in one process, single texts and a list of them, and of `redheart analyze` as a process.

OMP_NUM_THREADS=1 python tests/benchmarks/bench_analyze.py FILE.txt [MODEL] [--without GROUPS] measures the first 300
lines of a file. Times are of the process (CPU) beside those of the clock, since a machine may be shared.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import attrs
import numpy as np

import redheart

TEXTS = 300
WARM = 10
"""Texts before the measurement, after which everything that is loaded once is loaded."""
STARTS = 4


def main() -> None:
    parser = argparse.ArgumentParser(description="Time of an analysis.")
    parser.add_argument("file", type=Path)
    parser.add_argument("model", nargs="?")
    parser.add_argument("--without", default="", help="beginning of the names of groups that are left out")
    given = parser.parse_args()
    texts = [line for line in given.file.read_text(encoding="utf-8").splitlines() if line.strip()][:TEXTS]
    clock, process = measured(lambda: redheart.load(given.model))
    print(f"load: {clock:.1f} s by the clock, {process:.1f} s of the process")
    loaded = without_groups(redheart.load(given.model), given.without)
    for text in texts[:WARM]:
        loaded.analyze(text)
    times = np.array([measured(lambda text=text: loaded.analyze(text)) for text in texts]) * 1000.0  # type: ignore[misc]
    (clock_50, process_50), (clock_99, process_99) = np.percentile(times, [50, 99], axis=0)
    print(f"single: p50 {clock_50:.1f} ms by the clock, {process_50:.1f} ms of the process")
    print(f"single: p99 {clock_99:.1f} ms by the clock, {process_99:.1f} ms of the process")
    together = measured(lambda: loaded.analyze(texts))
    for name, alone, all_ in zip(("clock", "process"), times.sum(0) / 1000.0, together, strict=True):
        rates = len(texts) / alone, len(texts) / all_
        print(f"texts a second ({name}): single {rates[0]:.0f}, list {rates[1]:.0f}, {rates[1] / rates[0]:.1f} times")
    if not given.without:
        start_up(given.model)


def without_groups(model: redheart.Model, beginning: str) -> redheart.Model:
    """The model as if groups whose names begin so could not answer here; whole if the beginning is empty."""
    if not beginning:
        return model
    whole = model.assembled
    left_out = {one.name: "left out" for one in whole.groups if one.name.startswith(beginning)}
    return attrs.evolve(model, assembled=attrs.evolve(whole, absent={**whole.absent, **left_out}, tokenizers={}))


def start_up(model: str | None) -> None:
    """Of the command with one text, beside the import of torch alone, in turn; the least, as others use the machine."""
    code = "import sys; from redheart_cli.__main__ import main; sys.argv = ['redheart', *sys.argv[1:]]; main()"
    commands = {
        "import of torch": ["-c", "import torch"],
        "redheart analyze": ["-c", code, "analyze", *([] if model is None else [model]), "I was so sad that she left."],
    }
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for _ in range(STARTS):
        for name, command in commands.items():
            before, clock = os.times(), time.perf_counter()
            subprocess.run([sys.executable, *command], capture_output=True, check=True)
            taken, after = time.perf_counter() - clock, os.times()
            used = after.children_user + after.children_system - before.children_user - before.children_system
            found[name].append((taken, used))
    for name, times in found.items():
        clock, process = np.array(times[1:]).min(0)  # the first one fills caches
        print(f"{name}: {clock:.2f} s by the clock, {process:.2f} s of the process")


def measured(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock and of the process."""
    clock, process = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - clock, time.process_time() - process


if __name__ == "__main__":
    main()
