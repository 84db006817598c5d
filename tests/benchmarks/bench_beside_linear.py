"""What each answer of finished runs takes away of the loss of `linear` on the test records.

Usage: python tests/benchmarks/bench_beside_linear.py RUN [RUN ...]

The runs are of the same data with different seeds, as `redheart bench crossover` leaves them (folders seed-0, seed-1
and so on), or each of data of its own, such as village with other seeds of its world. Every group answers at its best
epoch. Printed is, for each answer to a field that `linear` answers too, the share of the mean loss of `linear` that is
less, in percent, with its 95 % interval over records, and over runs if there are several; then the share by run.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path

import torch
from torch import Tensor

from redheart.options import PluginChoice
from redheart.sessions import open_session
from redheart_core.exact.bootstrap import Draws, interval, over_runs
from redheart_core.groups.validation import evaluate, has_objective
from redheart_core.nn.answer_losses import answer_losses
from redheart_core.storage.runtime import generator
from redheart_core.training.context import TrainingContext
from redheart_core.training.progress import load_fixed

SPLITS = ("train", "validation", "calibration", "test")


def losses(folder: Path) -> tuple[TrainingContext, dict[str, Tensor]]:
    """The loss of each answer, "node.field", on each test record, (N,)."""
    session, found = open_session(folder, PluginChoice()), dict[str, Tensor]()
    context, rows = session.context, session.context.store.rows("test")
    for group in context.groups:
        module = context.module(group)
        load_fixed(session.run, group, module)
        if has_objective(module):
            limits = session.run.group(group.name).read().best.thresholds
            for name, answer in evaluate(module, context.source, rows, limits).predictions.items():
                field = name.partition(".")[2]
                if field in context.store.fields:
                    found[name] = answer_losses(context.store.fields[field], answer, context.store.target(field)[rows])
        context.add_outputs(group, module, SPLITS)
    return context, found


def row(contexts: list[TrainingContext], name: str, own: list[Tensor], base: list[Tensor]) -> str:
    """A line of the table."""
    gains, resampled = list[float](), list[Tensor]()
    for context, one, other in zip(contexts, own, base, strict=True):
        rows = context.store.rows("test")
        used = ~(one.isnan() | other.isnan())
        texts = map(context.store.text, rows.tolist())  # runs of the same records share their resamples, others do not
        draws = Draws(context.store.clusters_of(rows), generator("bootstrap", *texts))

        def share(sample: Tensor, one: Tensor = one, other: Tensor = other) -> float:
            return 100 * (1 - float(one[sample].mean()) / float(other[sample].mean()))

        gains.append(share(torch.arange(len(rows))[used]))
        resampled.append(draws.apply(used, share))
    both = torch.stack(resampled)
    found = interval(statistics.fmean(gains), over_runs(both, generator("seeds", *both.shape)))
    seeds = " ".join(f"{gain:+.2f}" for gain in gains)
    return f"| {name} | {found.value:+.2f} [{found.low:+.2f}, {found.high:+.2f}] | {seeds} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, nargs="+")
    found = [losses(run) for run in parser.parse_args().run]
    contexts = [context for context, _ in found]
    print("| answer | less than `linear`, percent | by run |\n|---|---|---|")
    for name in found[0][1]:
        base = f"linear.{name.partition('.')[2]}"
        if name != base and base in found[0][1]:
            print(row(contexts, name, [one[name] for _, one in found], [one[base] for _, one in found]), flush=True)


if __name__ == "__main__":
    main()
