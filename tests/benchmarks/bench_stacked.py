"""Whether several copies of a small group are faster as one stacked computation (torch.func.vmap) than one by one.

Usage: python tests/benchmarks/bench_stacked.py RUN GROUP [--copies 4] [--repeats 9]

Copies with other weights stand for small groups of one architecture, the only ones that can be stacked; forward and
backward alone, without dropout, on one batch of the run's store.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state

from redheart.options import PluginChoice
from redheart.sessions import open_session
from redheart_core.evaluation.training_bench import ratio
from redheart_core.groups.group_module import node_inputs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("group")
    parser.add_argument("--copies", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=9)
    given = parser.parse_args()
    context = open_session(given.run, PluginChoice()).context
    for lower in context.groups:
        if lower.fitted and context.read_outputs(lower):
            context.add_outputs(lower, context.module(lower), ("train",))
    group = next(one for one in context.groups if one.name == given.group)
    batch = context.source.batch(context.training_order(group, 1)[0], group.inputs)
    modules: list[nn.Module] = [context.module(group).nodes[group.nodes[0].name] for _ in range(given.copies)]
    for module in modules:
        module.eval()
    inputs = node_inputs(group.nodes[0], batch.inputs)
    weights, buffers = stack_module_state(modules)

    def total(outputs: dict[str, Tensor]) -> Tensor:
        return torch.stack([tensor.square().sum() for tensor in outputs.values()]).sum()

    def one_by_one() -> None:
        for module in modules:
            total(module(inputs)).backward()  # type: ignore[no-untyped-call] # of torch

    def stacked() -> None:
        def one(weight: dict[str, Tensor], buffer: dict[str, Tensor]) -> Tensor:
            return total(functional_call(modules[0], (weight, buffer), (inputs,)))

        torch.func.vmap(one)(weights, buffers).sum().backward()  # type: ignore[no-untyped-call] # of torch

    times: dict[str, list[float]] = {"one by one": [], "stacked": []}
    for _ in range(given.repeats + 1):
        for name, work in (("one by one", one_by_one), ("stacked", stacked)):
            started = time.process_time()
            work()
            times[name].append(time.process_time() - started)
    found = ratio(times["one by one"][1:], times["stacked"][1:])
    least = 1000 * min(times["one by one"])
    print(f"{given.group}, {given.copies} copies, {given.repeats} repeats; one by one {least:.1f} ms")
    print(f"stacked: times as fast {found.number:.2f} [{found.ends[0]:.2f}, {found.ends[1]:.2f}]")


if __name__ == "__main__":
    main()
