"""What growing changes in the outputs of each node, from tiny through small to base or full, in single precision.

python tests/benchmarks/bench_growth.py [NODE ...] [--last full]        # all nodes that declare how they grow

Weights are shaken as a training would, on the sample of the conformance kit. Printed are the parameters of the node's
group before and after, and the largest difference of an output, beside 1 or its own size.
"""

from __future__ import annotations

import argparse
from itertools import pairwise

import attrs
import torch

from redheart_core import NodeSpec
from redheart_core.contract.nodes import SCALES
from redheart_core.groups.group_module import GroupModule
from redheart_core.testing import real_sample
from redheart_core.testing.discovery import load_all, load_installed
from redheart_core.testing.growth_checks import grown, shaken
from redheart_core.testing.subject import make_subject
from redheart_core.training.growing import difference, grown_node

SHAKEN = 0.1
RECORDS = 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nodes", nargs="*", metavar="NODE")
    parser.add_argument("--last", choices=SCALES[1:], default="base")
    options = parser.parse_args()
    names = options.nodes or [
        plugin.name for plugin in load_all() if isinstance(plugin.spec, NodeSpec) and plugin.spec.grown is not None
    ]
    sample = real_sample()
    steps = SCALES[: SCALES.index(options.last) + 1]
    header = [f"{one} to {other} | largest difference" for one, other in pairwise(steps)]
    print(f"| node | {' | '.join(header)} |\n|{'---|' * (2 * len(header) + 1)}")
    for name in names:
        subject = make_subject(load_installed(name), sample)
        own = {node.name for node in subject.group.nodes}
        nodes, smaller, cells = subject.nodes, subject.module(), [name]
        batch = subject.batch(range(RECORDS))
        for scale in steps[1:]:
            nodes = tuple(grown_node(node, scale) if node.name in own else node for node in nodes)
            larger = grown(attrs.evolve(subject, nodes=nodes), nodes, shaken(smaller, SHAKEN))
            with torch.no_grad():
                before, after = smaller.eval()(batch), larger.eval()(batch)
            worst = max(difference(tensor, after[output]) for output, tensor in before.items())
            cells += [f"{_count(smaller):,} to {_count(larger):,}", f"{worst:.1e}"]
            smaller = larger
        print(f"| {' | '.join(cells)} |", flush=True)


def _count(module: GroupModule) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


if __name__ == "__main__":
    main()
