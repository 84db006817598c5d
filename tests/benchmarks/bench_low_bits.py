"""Moments of AdamW with 8 and 4 bits beside 32: what they cost in loss and time, and what they save.

python tests/benchmarks/bench_low_bits.py STORE --plugins FILE -o FOLDER [--scale small --epochs 8 --seeds 3]

trains the same groups with each number of bits and each seed into FOLDER/BITS-SEED; a run that is there goes on, so
that the command may be stopped. Printed per group: the lowest validation loss with 32 bits, the mean over the seeds of
its difference with 8 and 4 bits from the same seed, with Student's 95 % interval over seeds, and the bytes of the
state. Then the processor time of an update and of AdamW's share of it, medians of updates that take turns between the
numbers of bits, and of one parameter of a million numbers beside torchao's own AdamW, which is run without compiling.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from scipy import stats

from redheart.groups_file import merged_groups
from redheart.options import PluginChoice
from redheart.sessions import train_settings
from redheart_core.data.store import Store
from redheart_core.discovery.calls import Hooks
from redheart_core.discovery.offers import plugin_manager
from redheart_core.runs.run import RunFolder
from redheart_core.training.context import TrainingContext
from redheart_core.training.loop import train
from redheart_core.training.low_bits import LowBitAdamW

BITS = (32, 8, 4)
MILLION = 1 << 20


def main() -> None:
    """Parse, train and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("--plugins", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--scale")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--updates", type=int, default=12, help="timed of each group with each number of bits")
    parser.add_argument("--only-time", action="store_true", help="train nothing")
    arguments = parser.parse_args()
    if not arguments.only_time:
        losses(arguments)
    times(arguments)
    beside_torchao(arguments.updates)


def prepare(arguments: argparse.Namespace, bits: int, seed: int) -> TrainingContext:
    """The training that the plugins.toml describes, on the store."""
    registry = PluginChoice(arguments.plugins).load()
    given = {"scale": arguments.scale, "epochs": arguments.epochs, "seed": seed, "optimizer_bits": bits}
    settings = train_settings(registry, **given)
    nodes = registry.nodes(settings.scale)
    return TrainingContext.prepare(Store.open(arguments.store), nodes, settings, merged_groups(registry, None))


def losses(arguments: argparse.Namespace) -> None:
    """Train everything, and compare the lowest validation losses."""
    best: dict[str, dict[int, list[float]]] = {}
    sizes: dict[str, dict[int, int]] = {}
    for seed in range(arguments.seeds):
        for bits in BITS:
            run, context = RunFolder(arguments.output / f"{bits}-{seed}"), prepare(arguments, bits, seed)
            stopped = train(run, context, Hooks(plugin_manager().hook))
            assert not stopped, stopped
            for group in context.groups:
                folder = run.group(group.name)
                manifest = folder.read()
                if group.fitted or not manifest.epochs:
                    continue
                best.setdefault(group.name, {}).setdefault(bits, []).append(manifest.best.validation_loss)
                state = folder.optimizer(manifest.epochs[-1])
                sizes.setdefault(group.name, {})[bits] = sum(tensor.nbytes for tensor in state.values())
            print(f"trained: seed {seed}, {bits} bits", flush=True)
    print("| group | validation loss, 32 bits | 8 bits | 4 bits | state, MB: 32 | 8 | 4 |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name, found in best.items():
        differences = " | ".join(paired(found[bits], found[32]) for bits in BITS[1:])
        states = " | ".join(f"{sizes[name][bits] / 1e6:.2f}" for bits in BITS)
        print(f"| {name} | {statistics.mean(found[32]):.5f} | {differences} | {states} |")


def paired(ours: list[float], theirs: list[float]) -> str:
    """Mean difference over seeds and its 95 % interval."""
    apart = [one - other for one, other in zip(ours, theirs, strict=True)]
    mean, count = statistics.mean(apart), len(apart)
    if count < 2:
        return f"{mean:+.5f} (one seed)"
    half = float(stats.t.ppf(0.975, count - 1)) * statistics.stdev(apart) / math.sqrt(count)
    return f"{mean:+.5f} [{mean - half:+.5f}, {mean + half:+.5f}]"


def times(arguments: argparse.Namespace) -> None:
    """Processor time of updates, interleaved; groups read others as they are built."""
    contexts = {bits: prepare(arguments, bits, 0) for bits in BITS}
    print("| group | parameters | ms of an update: 32 | 8 | 4 | of them AdamW: 32 | 8 | 4 |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for place, group in enumerate(contexts[32].groups):
        trainers = {bits: context.trainer(context.groups[place]) for bits, context in contexts.items()}
        if not group.fitted and trainers[32].optimizer is not None:
            source = contexts[32].source
            batches = [source.batch(rows, group.inputs) for rows in contexts[32].training_order(group, 1)]
            whole: dict[int, list[float]] = {bits: [] for bits in BITS}
            own: dict[int, list[float]] = {bits: [] for bits in BITS}
            for update in range(arguments.updates + 1):  # the first creates states
                for bits, trainer in trainers.items():
                    assert trainer.optimizer is not None
                    started = time.process_time()
                    trainer.step(batches[update % len(batches)], 1, update)
                    between = time.process_time()
                    trainer.optimizer.step()
                    ended = time.process_time()
                    if update:
                        whole[bits].append(between - started)
                        own[bits].append(ended - between)
            count = sum(parameter.numel() for parameter in trainers[32].parameters.values())
            cells = [f"{1000 * statistics.median(found[bits]):.1f}" for found in (whole, own) for bits in BITS]
            print(f"| {group.name} | {count:,} | {' | '.join(cells)} |", flush=True)
        for bits, context in contexts.items():
            context.add_outputs(context.groups[place], trainers[bits].module)


def beside_torchao(updates: int) -> None:
    """Processor time of AdamW's update of one parameter, interleaved."""
    from torchao.optim import AdamW4bit, AdamW8bit

    stream = torch.Generator().manual_seed(0)
    makers: dict[str, Callable[[list[torch.nn.Parameter]], torch.optim.Optimizer]] = {
        "32 bits, fused": lambda own: torch.optim.AdamW(own, lr=1e-3, fused=True),
        "8 bits": lambda own: LowBitAdamW([{"params": own}], 1e-3, 8),
        "8 bits, torchao": lambda own: AdamW8bit(own, lr=1e-3),
        "4 bits": lambda own: LowBitAdamW([{"params": own}], 1e-3, 4),
        "4 bits, torchao": lambda own: AdamW4bit(own, lr=1e-3),
    }
    ways: dict[str, torch.optim.Optimizer] = {}
    for name, make in makers.items():
        parameter = torch.nn.Parameter(torch.randn(MILLION, generator=stream))
        parameter.grad = torch.randn(MILLION, generator=stream)
        ways[name] = make([parameter])
    found: dict[str, list[float]] = {name: [] for name in ways}
    for update in range(updates + 1):
        for name, optimizer in ways.items():
            with torch.compiler.set_stance("force_eager"):
                started = time.process_time()
                optimizer.step()
                if update:
                    found[name].append(time.process_time() - started)
    for name, seconds in found.items():
        print(f"{name}: {1000 * statistics.median(seconds):.1f} ms for {MILLION:,} numbers")


if __name__ == "__main__":
    main()
