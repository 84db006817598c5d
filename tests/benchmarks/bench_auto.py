"""redheart auto beside the settings that ship and beside random draws at equal cost, on the test split.

Usage: python tests/benchmarks/bench_auto.py FOLDER SHARED [--data DATA ...] [--trials 12] [--seeds 3] [--epochs 12]

SHARED holds the published data sets as README describes them; FOLDER gets slices of them, the stores, the searches and
the test losses, so that a run that was stopped goes on. Scale tiny, lsa of width 64 and 2,000 terms, on 800 to 1,400
training records, so that it ends on two cores. Of every data set, seed and sampler (TPE, random) so many candidates of
every group are searched; then the test loss of each group with its own settings and with those that were chosen is
compared: (chosen - own) / own, mean over groups. Intervals are of 95 % over test records and seeds together. The test
split is looked at here alone, after everything was chosen.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import attrs
import torch
from torch import Tensor

from redheart.options import PluginChoice, RunOptions
from redheart.progress import SilentDisplay
from redheart.sessions import Session, begin
from redheart_core.exact.bootstrap import Draws, interval, over_runs
from redheart_core.groups.validation import evaluate
from redheart_core.runs.run import RunFolder
from redheart_core.storage.runtime import generator
from redheart_core.training.context import TrainingContext
from redheart_core.tuning.auto import AutoResult, AutoSettings, auto, descending
from redheart_core.tuning.candidates import Sampler, StudySettings
from redheart_core.tuning.changes import Place, Value, changed
from redheart_core.tuning.trial import Trained, train_group, with_group
from redheart_core.tuning.wide_space import wide_space

NODES = {
    "village": ("linear", "neural_regret", "neural_surd"),
    "goemotions": ("ekman_pooled",),
    "kote": ("kote_pooled",),
}
"""Above linear the networks of GoEmotions and KOTE learn nothing, whatever their settings; here they stand alone."""
SAMPLERS: tuple[Sampler, ...] = ("tpe", "random")
SLICES = {
    "goemotions/train.tsv": ("goemotions/train.tsv", 1400),
    "goemotions/dev.tsv": ("goemotions/dev.tsv", 1000),
    "goemotions/emotions.txt": ("goemotions/emotions.txt", 100),
    "kote/train.tsv": ("kote/val.tsv", 2000),
}
"""File in FOLDER: the file that it is cut from, and how many of its first lines."""


def cut(folder: Path, shared: Path) -> None:
    """Make the slices."""
    for name, (source, lines) in SLICES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        kept = (shared / source).read_text("utf-8").splitlines(keepends=True)[:lines]
        (folder / name).write_text("".join(kept), "utf-8")


def session(folder: Path, data: str, seed: int, epochs: int) -> Session:
    """The data set with these nodes alone."""
    document = folder / f"{data}.toml"
    table = "english = 1200\nkorean = 0" if data == "village" else f'path = "{folder / data}"'
    active = [data, "lsa", *NODES[data]]
    lines = (f"active = {json.dumps(active)}", "[data]", "terms = 2000", f"[plugins.{data}]", table, "[plugins.lsa]")
    document.write_text("\n".join([*lines, "width = 64", ""]), "utf-8")
    choice = PluginChoice(document)
    options = RunOptions(folder / "runs" / data, folder / f"{data}-store", data, "lsa", "tiny", epochs, seed)
    return begin(choice, options, SilentDisplay())


def test_losses(context: TrainingContext, result: AutoResult | None) -> list[Tensor]:
    """(N,) test losses of each group, at what was chosen, or at its own settings for None."""
    rows = context.store.rows("test")
    found = []
    for number, group in enumerate(descending(context)):
        own = context.module(group)
        values: dict[Place, Value] = {}
        if result is not None:
            choice = result.groups[number]
            assert choice.group == group.name
            values = {_place(name): value for name, value in choice.candidate(choice.chosen).values.items()}
        taken = changed(group, values, context.settings.scale)
        trained = train_group(context, taken, own, lambda epoch, loss: False, keep=True)
        assert isinstance(trained, Trained), trained
        module = with_group(context, taken).module(taken)
        module.load(trained.weights)
        found.append(evaluate(module, context.source, rows).losses)
    return found


def _place(name: str) -> Place:
    kind, node, key = name.split(".", 2)
    assert kind in ("groups", "plugins")
    return ("groups" if kind == "groups" else "plugins"), node, key


def relative(one: list[Tensor], other: list[Tensor], sample: Tensor) -> float:
    """The mean over groups of (one - other) / other on a resample."""
    shares = [float(a[sample].mean() / b[sample].mean()) - 1.0 for a, b in zip(one, other, strict=True)]
    return sum(shares) / len(shares)


def measure(folder: Path, data: str, trials: int, seeds: int, epochs: int) -> None:
    """Print the table of a data set."""
    arms: dict[str, list[list[Tensor]]] = {}
    expected: dict[str, list[float]] = {}
    seconds: dict[str, float] = dict.fromkeys(("own", *SAMPLERS), 0.0)
    for seed in range(seeds):
        opened = session(folder, data, seed, epochs)
        context = opened.context
        for group in context.groups:
            if group.fitted:
                context.add_outputs(group, context.fit(group), ("train", "validation", "test"))
        results: dict[str, AutoResult | None] = {"own": None}
        for sampler in SAMPLERS:
            spaces = {one.name: wide_space(one, context.store.fields, "tiny") for one in descending(context)}
            settings = AutoSettings(trials, study=StudySettings(sampler))
            started = time.process_time()
            searching = attrs.evolve(context, source=context.source.without_lower())
            run = RunFolder(folder / "searches" / f"{data}-{seed}-{sampler}")
            results[sampler] = found = auto(run, searching, spaces, settings).result
            seconds[sampler] += time.process_time() - started
            expected.setdefault(sampler, []).append(100 * found.gain.number)
            taken = [f"{one.group} {one.chosen} ({one.stopped_early} early)" for one in found.groups]
            print(f"{data} seed {seed} {sampler}: {', '.join(taken)}", flush=True)
        started = time.process_time()
        for name, result in results.items():
            file = folder / "searches" / f"{data}-{seed}-{name}.pt"
            if not file.exists():
                torch.save(test_losses(context, result), file)
            arms.setdefault(name, []).append(torch.load(file))
        seconds["own"] += time.process_time() - started
    rows = context.store.rows("test")
    draws = Draws(context.store.clusters_of(rows), generator("bench_auto", data)).samples
    print(
        f"\n{data}: {len(rows)} test records, {len(context.store.rows('validation'))} for validation, {trials} trials"
    )
    print("| | test loss, % [95 %] | by seed | expected by validation, corrected |\n|---|---|---|---|")
    whole = torch.arange(len(rows))
    for one, other in (("tpe", "own"), ("random", "own"), ("tpe", "random")):
        pairs = list(zip(arms[one], arms[other], strict=True))
        values = [100 * relative(a, b, whole) for a, b in pairs]
        drawn = torch.tensor([[100 * relative(a, b, sample) for sample in draws] for a, b in pairs])
        gain = interval(sum(values) / len(values), over_runs(drawn, generator("bench_auto", data, one)))
        low, high = gain.ends
        said = ", ".join(f"{value:+.2f}" for value in expected[one]) if other == "own" else ""
        by_seed = ", ".join(f"{value:+.2f}" for value in values)
        print(f"| {one} less {other} | {gain.number:+.2f} [{low:+.2f}, {high:+.2f}] | {by_seed} | {said} |")
    print("seconds of the processor:", ", ".join(f"{name} {value:.0f}" for name, value in seconds.items()), flush=True)


def main() -> None:
    """Measure the data sets one after another."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("shared", type=Path)
    parser.add_argument("--data", nargs="+", choices=NODES, default=list(NODES))
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=12)
    given = parser.parse_args()
    (given.folder / "searches").mkdir(parents=True, exist_ok=True)
    cut(given.folder, given.shared)
    for data in given.data:
        measure(given.folder, data, given.trials, given.seeds, given.epochs)


if __name__ == "__main__":
    main()
