"""How often each layer of verification warns on texts like the training data, and the processor time of each kind.

    python tests/benchmarks/bench_layers.py runs/village/model [--real ../shared/data]
    python tests/benchmarks/bench_layers.py ready --store STORE --most 500

The model is one of a run that is there, or an installed one with the store that it was trained on: test records are
analyzed as texts alone, the first --most of each data set, with the training split as the memory. Wanted: at most 5 %
warned of by the layers of a kind together. With --real, how often stakes are raised on development texts of GoEmotions
and KOTE.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs

import redheart
from redheart.sessions import run_of_model
from redheart_core.contract.layers import LayerSpec, LayerTexts
from redheart_core.data.store import Store
from redheart_core.memory.evidence import load_evidence
from redheart_core.memory.opening import open_cases
from redheart_core.models.limits import LoadedLayer
from redheart_core.models.stakes import STAKES, read_contexts

ROUNDS = 7
"""In which each way to analyze takes its turn."""


def warnings(model: redheart.Model, memory: Path, records: Sequence[dict[str, object]]) -> None:
    """Print the share of records on which each layer warns, by kind and alone."""
    kinds = {layer.spec.name: layer.spec.kind for layer in model.assembled.limits}
    found = model.analyze(list(records), memory=memory)
    alone, together, stakes, held = Counter[str](), Counter[str](), Counter[str](), 0
    for one in found:
        beyond = [reading.layer for reading in (*one.limits, *one.remarks) if reading.beyond]
        alone.update(beyond)
        together.update({kinds[layer] for layer in beyond})
        stakes[one.context.stakes if one.context else "help alone"] += 1
        held += any("where stakes are" in silence.reason for silence in one.abstentions)
    for kind in dict.fromkeys(kinds.values()):
        parts = ", ".join(f"{layer} {alone[layer] / len(found):.1%}" for layer, own in kinds.items() if own == kind)
        print(f"{kind}: {together[kind] / len(found):.1%} of {len(found)} ({parts})")
    print(f"stakes: {', '.join(f'{name} {stakes[name] / len(found):.1%}' for name in (*STAKES, 'help alone'))}")
    print(f"with an answer that is held back for them: {held / len(found):.1%}", flush=True)


def times(model: redheart.Model, memory: Path, texts: Sequence[str]) -> None:
    """Print what each kind of layer takes of a text that is analyzed alone, in milliseconds of the processor.

    Of layers that is the time inside of them. Of what has no layer, intervals and sets and the search in the memory, it
    is the difference between models with and without, which take turns; of each the least counts.
    """
    inside = Counter[str]()
    assembled = model.assembled
    timed = attrs.evolve(
        assembled,
        limits=tuple(_timed_layer(layer, inside) for layer in assembled.limits),
        contexts=tuple(_timed(spec, inside) for spec in assembled.contexts),
    )
    plain = attrs.evolve(model, assembled=attrs.evolve(timed, limits=(), contexts=()))
    uncalibrated = attrs.evolve(plain, assembled=attrs.evolve(plain.assembled, calibration=None))
    with attrs.evolve(model, assembled=timed).remembering(memory) as whole, plain.remembering(memory) as remembering:
        ways = {"none": uncalibrated, "uncertainty": plain, "memory": remembering, "all": whole}
        found: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(ROUNDS):
            for name, way in ways.items():
                found[name].append(1000 * _processor(way, texts) / len(texts))
    least = {name: min(one) for name, one in found.items()}
    print(f"no layers: {least['none']:.2f} ms of the processor a text")
    print(f"uncertainty: {least['uncertainty'] - least['none']:+.2f} ms (difference)")
    for kind in ("consistency", "evidence", "context", "limit"):
        print(f"{kind}: {1000 * inside[kind] / (ROUNDS * len(texts)):.2f} ms (mean, inside)")
    print(f"search in the memory: {least['memory'] - least['uncertainty']:+.2f} ms (difference)")
    print(f"all layers and a memory: {least['all']:.2f} ms", flush=True)


def _timed_layer(layer: LoadedLayer, inside: Counter[str]) -> LoadedLayer:
    return attrs.evolve(layer, spec=_timed(layer.spec, inside))


def _timed(spec: LayerSpec, inside: Counter[str]) -> LayerSpec:
    """The same layer, which counts the seconds inside of it by kind."""

    def timing(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: object) -> object:
            began = time.process_time()
            found = function(*arguments)
            inside[spec.kind] += time.process_time() - began  # type: ignore[assignment] # a Counter may hold seconds
            return found

        return call

    notes = None if spec.notes is None else timing(spec.notes)
    return attrs.evolve(spec, score=timing(spec.score), notes=notes)


def _processor(model: redheart.Model, texts: Sequence[str]) -> float:
    """Seconds of the processor for texts that are analyzed one by one."""
    began = time.process_time()
    for text in texts:
        model.analyze(text, language="en")
    return time.process_time() - began


def real(model: redheart.Model, data: Path) -> None:
    """Print how often stakes are raised on texts of the web."""
    import numpy as np

    for name, column, code in (("goemotions/dev.tsv", 0, "en"), ("kote/val.tsv", 1, "ko")):
        with (data / name).open(encoding="utf-8", newline="") as lines:
            rows = [row[column] for row in csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)]
        blank = np.zeros((len(rows), 2), np.float32)
        seen = LayerTexts(rows, [code] * len(rows), blank, blank)
        stakes = Counter(one.stakes for one in read_contexts(model.assembled.contexts, seen))
        shares = ", ".join(f"{one} {stakes[one] / len(rows):.1%}" for one in STAKES)
        print(f"{name}: {shares} of {len(rows)}", flush=True)


def first_of_each(store: Store, rows: Sequence[int], most: int | None) -> list[int]:
    """The first rows of each data set, which begins the ids of its records."""
    seen, chosen = Counter[str](), []
    for row in rows:
        name = store.id(row).partition("/")[0]
        seen[name] += 1
        if most is None or seen[name] <= most:
            chosen.append(row)
    print(", ".join(f"{name} {min(count, most or count)} of {count}" for name, count in seen.items()))
    return chosen


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description="How often layers warn, and their time.")
    parser.add_argument("model")
    parser.add_argument("--store", type=Path)
    parser.add_argument("--most", type=int)
    parser.add_argument("--real", type=Path)
    given = parser.parse_args()
    model = redheart.load(given.model)
    store = Store.open(run_of_model(model.folder) / "store" if given.store is None else given.store)
    rows = first_of_each(store, store.rows("test").tolist(), given.most)
    with tempfile.TemporaryDirectory() as folder:
        memory = Path(folder) / "cases.db"
        cases = open_cases(memory, store.encoder_identity)
        load_evidence(cases, store, datetime.now(UTC), False, lambda *_: False, lambda *_: None)
        cases.close()
        warnings(model, memory, [{"text": store.text(row), "language": store.language(row)} for row in rows])
        times(model, memory, [store.text(row) for row in rows if store.language(row) == "en"][:40])
    if given.real is not None:
        real(model, given.real)


if __name__ == "__main__":
    main()
