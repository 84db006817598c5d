"""What growing changes in the outputs of each node, from tiny through small to base or full.

python tests/benchmarks/bench_growth.py [NODE ...] [--last full]

Without names all nodes that declare how they grow, and whose fields the sample of the conformance kit has. Weights are
shaken as a training would. Printed are the parameters of the node's group before and after, and of all its outputs the
largest of four differences:

- single: after growing, in single precision, beside 1 or a number's own size;
- of the largest: the same, beside the largest number of the output;
- double: after growing, in double precision, with the same weights; beside 1 or a number's own size, as what follows;
- rounding before: of single precision from double precision, in the smaller group.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from itertools import pairwise

import attrs
import torch
from torch import Tensor

from redheart_core import NodeSpec, PluginError
from redheart_core.contract.nodes import SCALES
from redheart_core.groups.group_module import GroupModule
from redheart_core.testing import Sample, Subject, real_sample
from redheart_core.testing.discovery import load_all, load_installed
from redheart_core.testing.growth_checks import double_outputs, grown, shaken
from redheart_core.testing.subject import make_subject
from redheart_core.training.growing import difference, grown_node

SHAKEN = 0.1
RECORDS = 32
COLUMNS = ("node", "scales", "parameters", "single", "of the largest", "double", "rounding before")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nodes", nargs="*", metavar="NODE")
    parser.add_argument("--last", choices=SCALES[1:], default="base")
    options = parser.parse_args()
    sample = real_sample()
    subjects = [make_subject(load_installed(name), sample) for name in options.nodes] or _all(sample)
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    for subject in subjects:
        own = {node.name for node in subject.group.nodes}
        nodes, smaller = subject.nodes, subject.module()
        batch = subject.batch(range(RECORDS))
        for before, scale in pairwise(SCALES[: SCALES.index(options.last) + 1]):
            nodes = tuple(grown_node(node, scale) if node.name in own else node for node in nodes)
            surrounded = attrs.evolve(subject, nodes=nodes)
            larger = grown(surrounded, nodes, shaken(smaller, SHAKEN))
            with torch.no_grad():
                single, then = smaller.eval()(batch), larger.eval()(batch)
            sizes = f"{_count(smaller):,} to {_count(larger):,}"
            exact = double_outputs(smaller.double(), batch)
            found = (
                _worst(single, then, difference),
                _worst(single, then, _beside_the_largest),
                _worst(exact, double_outputs(grown(surrounded, nodes, smaller), batch), difference),
                _worst(exact, single, difference),
            )
            cells = (subject.name, f"{before} to {scale}", sizes, *(f"{one:.1e}" for one in found))
            print(f"| {' | '.join(cells)} |", flush=True)
            smaller = larger


def _all(sample: Sample) -> list[Subject]:
    """Those that the sample can train; the others are named."""
    subjects, others = list[Subject](), list[str]()
    for plugin in load_all():
        if isinstance(plugin.spec, NodeSpec) and plugin.spec.grown is not None:
            try:
                subjects.append(make_subject(plugin, sample))
            except PluginError:
                others.append(plugin.name)
    print(f"not run, as the sample lacks what they read or learn: {', '.join(others)}\n")
    return subjects


def _worst(
    before: Mapping[str, Tensor], after: Mapping[str, Tensor], measure: Callable[[Tensor, Tensor], float]
) -> float:
    return max(measure(tensor, after[output]) for output, tensor in before.items())


def _beside_the_largest(before: Tensor, after: Tensor) -> float:
    present = ~before.isnan()
    return difference(before / before[present].abs().max(), after / before[present].abs().max())


def _count(module: GroupModule) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


if __name__ == "__main__":
    main()
