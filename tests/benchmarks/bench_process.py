"""Seconds of processes that answer one text, beside `import torch` alone, for several environments in turn.

python tests/benchmarks/bench_process.py PYTHON [PYTHON ...] [--model MODEL] [--repeats 5]

Each PYTHON is that of an environment with a checkout installed. Prints the least wall time, and the least time of the
processor, of all threads together.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import time

TEXT = "I lost my job and cannot sleep"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("pythons", nargs="+")
    parser.add_argument("--model", action="append", default=[])
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    command = ["-m", "redheart_cli"]
    cases = {
        "import torch": ["-c", "import torch"],
        "redheart --version": [*command, "--version"],
        "redheart plugins list": [*command, "plugins", "list"],
        "redheart models list": [*command, "models", "list"],
        "redheart analyze TEXT": [*command, "analyze", TEXT],
        **{f"redheart analyze {model} TEXT": [*command, "analyze", model, TEXT] for model in given.model},
        **{f"redheart verify {model}": [*command, "verify", model] for model in given.model},
    }
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for turn in range(given.repeats + 1):
        for name, arguments in cases.items():
            for python in given.pythons:
                spent = seconds([python, *arguments])
                if turn:  # the first start compiles modules and fills caches
                    found.setdefault((name, python), []).append(spent)
    for (name, python), times in found.items():
        wall, processor = (min(column) for column in zip(*times, strict=True))
        print(f"{wall:6.2f} s wall, {processor:6.2f} s of the processor: {name} ({python})")


def seconds(command: list[str]) -> tuple[float, float]:
    """Wall time and time of the processor of a process that has to end well."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    start, before = time.perf_counter(), os.times()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    after = os.times()
    processor = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - start, processor


if __name__ == "__main__":
    main()
