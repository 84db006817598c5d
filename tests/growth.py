"""Nodes that grow twice, with weights as after a training and in double precision."""

from __future__ import annotations

from typing import Any

from redheart_core.testing import Sample
from redheart_core.testing.discovery import load_installed
from redheart_core.testing.growth_checks import EXACT, double_outputs, grown, shaken, stuck_together
from redheart_core.testing.subject import make_subject
from redheart_core.training.growing import difference, grown_node, grown_with

SHAKEN = 0.1
"""Standard deviation of what is added to weights."""


def assert_grows(name: str, sample: Sample, **settings: Any) -> None:
    """From tiny to small, and from there to other settings: outputs stay, and no copies or idle units are left.

    Args:
        name: Of the node; others of its group grow to small alone.
        sample: Records that it reads.
        settings: Of the node at last, beside those of small.
    """
    subject = make_subject(load_installed(name), sample)
    own = {node.name for node in subject.group.nodes}
    first = [grown_node(node, "small") if node.name in own else node for node in subject.nodes]
    last = [grown_with(node, settings) if node.name == name else node for node in first]
    batches = [subject.batch(rows) for rows in (range(8), range(8, 16), range(16, 24))]
    smaller = subject.module().double()
    for nodes in (first, last):
        larger = grown(subject, nodes, shaken(smaller, SHAKEN))
        assert sum(one.numel() for one in larger.parameters()) > sum(one.numel() for one in smaller.parameters())
        before, after = double_outputs(smaller, batches[0]), double_outputs(larger, batches[0])
        off = {output: difference(tensor, after[output]) for output, tensor in before.items()}
        assert max(off.values()) < EXACT, off
        smaller = larger
    assert stuck_together(smaller.float(), batches) == []
