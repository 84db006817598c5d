"""Time of updates of a group under other settings of its [groups.NAME] table, in turns over the same batches.

Usage: python tests/benchmarks/bench_update_settings.py RUN GROUP SCALE KEY=VALUE ... [--updates 2] [--repeats 5]

RUN is a run whose store is used, with the plugins of plugins.toml; nothing is written to it. Each KEY=VALUE, such as
precision=bfloat16, is one way; the first one measured is the table as it is. Also measured is reading a batch, which a
thread that reads ahead could hide at most.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import attrs

from redheart.options import PluginChoice, RunOptions
from redheart.progress import make_display
from redheart.sessions import begin
from redheart_core.evaluation.training_bench import ratio
from redheart_core.training.context import TrainingContext
from redheart_core.training.step_memory import measure_step


def parsed(text: str) -> dict[str, Any]:
    key, _, value = text.partition("=")
    return {key: {"true": True, "false": False}.get(value, value)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("group")
    parser.add_argument("scale")
    parser.add_argument("ways", nargs="*", type=parsed)
    parser.add_argument("--updates", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    with make_display() as display:
        options = RunOptions(given.run, given.run / "store", scale=given.scale)
        session = begin(PluginChoice(), options, display)
    settings = session.context.settings
    own = {group.name: group.settings for group in session.context.groups}
    plain, trainers = own[given.group], {}
    for way in ({}, *given.ways):
        tables = own | {given.group: attrs.evolve(plain, **way)}
        context = TrainingContext.prepare(session.context.store, session.registry.nodes(given.scale), settings, tables)
        for lower in context.groups:
            if lower.fitted and context.read_outputs(lower):
                context.add_outputs(lower, context.module(lower), ("train",))
        group = next(one for one in context.groups if one.name == given.group)
        trainers[" ".join(f"{key}={value}" for key, value in way.items()) or "as it is"] = context.trainer(group)
    parts = context.training_order(group, 1)[: given.updates]
    started = time.process_time()
    batches = [context.source.batch(part, group.inputs) for part in parts]
    reading = (time.process_time() - started) / len(parts)
    memory = {name: measure_step(trainer, batches[0]) for name, trainer in trainers.items()}
    wall: dict[str, list[float]] = {name: [] for name in trainers}
    processor: dict[str, list[float]] = {name: [] for name in trainers}
    for repeat in range(given.repeats):
        names = list(trainers)
        for name in names[repeat % len(names) :] + names[: repeat % len(names)]:
            begun, begun_processor = time.perf_counter(), time.process_time()
            for step, batch in enumerate(batches):
                trainers[name].step(batch, 1, step)
            wall[name].append(time.perf_counter() - begun)
            processor[name].append(time.process_time() - begun_processor)
    print(
        f"{given.group}, {given.scale}, batch {settings.batch_size}, {given.updates} updates, {given.repeats} repeats"
    )
    print(f"reading a batch: {1000 * reading:.2f} ms of the processor")
    for name in trainers:
        both = [ratio(times["as it is"], times[name]) for times in (wall, processor)]
        speed = ", ".join(f"{one.number:.2f} [{one.ends[0]:.2f}, {one.ends[1]:.2f}]" for one in both)
        update = 1000 * min(processor[name]) / given.updates
        print(f"{name}: {update:.1f} ms of the processor, a step holds {memory[name].working / 1e6:.1f} MB")
        print(f"    times as fast (wall, processor): {speed}")


if __name__ == "__main__":
    main()
