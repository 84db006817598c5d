"""What an answer of a group costs: arithmetic, memory, time."""

from __future__ import annotations

import statistics
import time

import attrs
import torch
from torch.utils.flop_counter import FlopCounterMode

from redheart_core.groups.group_module import GroupModule
from redheart_core.groups.validation import evaluated_in
from redheart_core.training.context import TrainingContext

TEXTS = 32
"""On whose mean the arithmetic is counted."""
PASSES = 7


@attrs.frozen
class Cost:
    """Of one text, on the validation records."""

    flops: int
    """Of matrix products and convolutions in a forward pass, mean over texts: a measure of latency that is the same
    each time. What is computed number by number is not counted."""
    bytes: int
    """Of all parameters and buffers."""
    milliseconds: float = attrs.field(eq=False)
    """Median of a forward pass over one text on this machine; not the same twice, so that nothing is chosen by it."""


@torch.no_grad()
def measure_cost(context: TrainingContext, module: GroupModule) -> Cost:
    """The cost of a group's forward pass.

    Args:
        context: Holds the outputs that the group reads.
        module: Of one of its groups, at any weights.
    """
    rows = context.store.rows("validation")
    rows = rows[evaluated_in(module, context.source, rows)][:TEXTS]
    batch = context.source.batch(rows, module.group.inputs)
    one = context.source.batch(rows[:1], module.group.inputs)
    module.eval()
    with FlopCounterMode(display=False) as counter:
        module(batch)
    times = []
    for _ in range(PASSES):
        started = time.perf_counter()
        module(one)
        times.append(1000 * (time.perf_counter() - started))
    size = sum(tensor.numel() * tensor.element_size() for tensor in module.parameter_dict().values())
    return Cost(round(counter.get_total_flops() / len(rows)), size, statistics.median(times))
