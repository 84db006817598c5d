"""Time of an analysis by engine: PyTorch, torch.compile, ONNX Runtime, and ONNX Runtime with int8, on one core.

OMP_NUM_THREADS=1 taskset -c 0 python tests/benchmarks/bench_engine.py FILE.txt MODEL ONNX INT8 measures the first 300
lines of a file, everything included. ONNX and INT8 are what `redheart export` made of MODEL, without and with --int8.
Engines take turns, text by text, as a machine may be shared.
"""

from __future__ import annotations

import argparse
import signal
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from bench_analyze import TEXTS, WARM, measured

import redheart
from redheart_core.groups.group_module import GroupModule

BUDGET_S = 500
"""So long torch.compile may take before it counts as one that cannot."""


def compiled(model: redheart.Model, texts: list[str]) -> redheart.Model:
    """The model with the nodes of each group's module compiled, for batches of any size.

    Raises:
        Exception: Whatever torch.compile raises on the texts.
    """
    signal.signal(signal.SIGALRM, _stop)
    signal.alarm(BUDGET_S)
    try:
        for name, module in model.assembled.modules.items():
            if not isinstance(module, GroupModule):
                raise TypeError(f"group '{name}' is an ensemble, which has no module of its own to compile")
            for node in module.nodes.values():
                node.compile(dynamic=True)
        for text in texts:
            model.analyze(text)
    finally:
        signal.alarm(0)
    return model


def _stop(*_: object) -> None:
    raise TimeoutError(f"it still compiles after {BUDGET_S} s")


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description="Time of an analysis by engine.")
    parser.add_argument("file", type=Path)
    parser.add_argument("model")
    parser.add_argument("onnx")
    parser.add_argument("int8")
    given = parser.parse_args()
    torch.set_num_threads(1)
    texts = [line for line in given.file.read_text(encoding="utf-8").splitlines() if line.strip()][:TEXTS]
    models = {"PyTorch": redheart.load(given.model)}
    try:
        models["torch.compile"] = compiled(redheart.load(given.model), texts[:WARM])
    except Exception as error:  # a benchmark states whatever a compiler raises
        print(f"torch.compile is left out: {type(error).__name__}: {' '.join(str(error).split())[:300]}")
    models |= {"ONNX": redheart.load(given.onnx), "ONNX int8": redheart.load(given.int8)}
    print_times(models, texts)


def print_times(models: Mapping[str, redheart.Model], texts: list[str]) -> None:
    """A row of the table for each engine."""
    for model in models.values():
        for text in texts[:WARM]:
            model.analyze(text)
    singles: dict[str, list[tuple[float, float]]] = {name: [] for name in models}
    for text in texts:
        for name, model in models.items():
            singles[name].append(measured(lambda model=model, text=text: model.analyze(text)))  # type: ignore[misc]
    print("| engine | p50, p99 ms by the clock | p50, p99 ms of the processor | texts a second in a list |")
    print("|---|---|---|---|")
    for name, model in models.items():
        clock, process = np.percentile(np.array(singles[name]) * 1000.0, [50, 99], axis=0).T
        _, taken = measured(lambda model=model: model.analyze(texts))  # type: ignore[misc]
        times = (f"{low:.1f}, {high:.1f}" for low, high in (clock, process))
        print(f"| {name} | {' | '.join(times)} | {len(texts) / taken:.0f} |")


if __name__ == "__main__":
    main()
