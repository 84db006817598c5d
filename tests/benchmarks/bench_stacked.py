"""Five candidates of a group stacked into one forward and backward pass, beside one after another.

Usage: python tests/benchmarks/bench_stacked.py RUN [--candidates 5] [--repeats 20] [--answers]

RUN is a finished run; its store, plugins and settings are used. For each group the loss and all gradients of one
training batch are computed for several candidates with other weights, by torch.func (stack_module_state,
functional_call, vmap over grad_and_value, randomness="different") and in a plain loop, in turns; the medians are
compared. The optimizer is left out of both. What is stacked draws other dropout masks than the loop, so the results
are compared with all dropout shares at 0: the largest difference of any gradient, relative to the largest gradient of
its tensor. With --answers it is the outputs on a batch of validation records instead, as an ensemble gives them.

Measured (600 records of village, scale small, batch 64, one thread, seven groups, a busy machine): 1.08 to 1.38 times
as fast, differences up to 8e-6. A whole update gains less, since the optimizer is not stacked, and torch has no
batching rule for the LSTM on a CPU, which it runs one candidate after another. The sweep does not stack: a quarter of
the time is not worth a candidate whose bits depend on which others run beside it.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, stack_module_state, vmap

from redheart.options import PluginChoice
from redheart.sessions import open_session
from redheart_core import PluginError
from redheart_core.data.batch import Batch
from redheart_core.groups.group import Group
from redheart_core.groups.group_module import GroupModule
from redheart_core.groups.objective import training_loss
from redheart_core.training.context import TrainingContext

Gradients = dict[str, Tensor]
"""Parameter to (K, *shape)."""


class Loss(nn.Module):
    """A group with its training loss, so that functional_call covers both."""

    def __init__(self, group: GroupModule, batch: Batch) -> None:
        super().__init__()
        self.group = group
        self.batch = batch

    def forward(self) -> Tensor:
        loss = training_loss(self.group, self.group(self.batch), self.batch)
        assert loss is not None
        return loss


def candidates(context: TrainingContext, group: Group, batch: Batch, number: int) -> list[Loss]:
    """Copies of the group with slightly different weights, as after some updates at different rates."""
    stream = torch.Generator().manual_seed(0)
    copies = [Loss(context.trainer(group).module.train(), batch) for _ in range(number)]
    with torch.no_grad():
        for one in copies:
            for parameter in one.parameters():
                parameter.add_(torch.randn(parameter.shape, generator=stream), alpha=0.01)
    return copies


def in_turn(losses: list[Loss]) -> Gradients:
    """One candidate after another."""
    for one in losses:
        one.zero_grad(set_to_none=True)
        one().backward()
    names = dict(losses[0].named_parameters())
    tables = [dict(one.named_parameters()) for one in losses]
    return {name: torch.stack([_gradient(table[name]) for table in tables]) for name in names}


def _gradient(parameter: Tensor) -> Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad


def stacked(losses: list[Loss]) -> Callable[[], Gradients]:
    """All candidates at once; the stacking itself is done beforehand."""
    base = losses[0]
    parameters, buffers = stack_module_state(losses)

    def loss(own: dict[str, Tensor], kept: dict[str, Tensor]) -> Tensor:
        found: Tensor = functional_call(base, (own, kept), ())
        return found

    run = vmap(grad_and_value(loss), randomness="different")

    def gradients() -> Gradients:
        found: Gradients = run(parameters, buffers)[0]
        return found

    return gradients


def without_dropout(losses: list[Loss]) -> None:
    for one in losses:
        for layer in one.modules():
            if isinstance(layer, nn.Dropout):
                layer.p = 0.0
            elif isinstance(layer, nn.RNNBase):
                layer.dropout = 0.0


def median_ms(work: Callable[[], Gradients], other: Callable[[], Gradients], repeats: int) -> tuple[float, float]:
    """Milliseconds of two pieces of work, measured in turns."""
    seconds: tuple[list[float], list[float]] = ([], [])
    work()
    other()
    for _ in range(repeats):
        for found, one in zip(seconds, (work, other), strict=True):
            started = time.perf_counter()
            one()
            found.append(1000 * (time.perf_counter() - started))
    return statistics.median(seconds[0]), statistics.median(seconds[1])


def compare(context: TrainingContext, group: Group, number: int, repeats: int) -> tuple[float, float, float] | str:
    """Milliseconds in turn and stacked, and the relative difference; or why the group cannot be stacked."""
    rows = context.training_order(group, 1)[0]
    losses = candidates(context, group, context.source.batch(rows, group.inputs), number)
    together = stacked(losses)
    try:
        together()
    except (RuntimeError, NotImplementedError, ValueError) as error:
        return str(error).splitlines()[0][:90]
    times = median_ms(lambda: in_turn(losses), together, repeats)
    without_dropout(losses)
    expected, found = in_turn(losses), together()
    apart = max(
        float((found[name] - tensor).detach().abs().max() / tensor.detach().abs().max().clamp(min=1e-30))
        for name, tensor in expected.items()
    )
    return *times, apart


def compare_answers(
    context: TrainingContext, group: Group, number: int, repeats: int
) -> tuple[float, float, float] | str:
    """The same of the outputs, without dropout and gradient."""
    rows = next(iter(context.source.fixed_order(context.store.rows("validation"))))
    batch = context.source.batch(rows, group.inputs)
    members = [one.group.eval() for one in candidates(context, group, batch, number)]
    base = members[0]
    parameters, buffers = stack_module_state(members)

    def answer(own: dict[str, Tensor], kept: dict[str, Tensor]) -> Gradients:
        found: Gradients = functional_call(base, (own, kept), (batch,))
        return found

    run = vmap(answer)

    def one_by_one() -> Gradients:
        found = [member(batch) for member in members]
        return {name: torch.stack([outputs[name] for outputs in found]) for name in found[0]}

    def together() -> Gradients:
        found: Gradients = run(parameters, buffers)
        return found

    with torch.no_grad():
        try:
            found = together()
        except (PluginError, RuntimeError) as error:
            return str(error).splitlines()[0][-90:]
        expected = one_by_one()
        apart = max(float((found[name] - tensor).abs().max()) for name, tensor in expected.items())
        return *median_ms(one_by_one, together, repeats), apart


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("run", type=Path)
    parser.add_argument("--candidates", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--answers", action="store_true")
    arguments = parser.parse_args()
    context = open_session(arguments.run, PluginChoice()).context
    print(f"{torch.get_num_threads()} threads, batch {context.settings.batch_size}, scale {context.settings.scale}")
    print(f"{'group':<16} {'in turn ms':>10} {'stacked ms':>10} {'speed-up':>9} {'difference':>10}")
    for group in context.groups:
        if group.fitted or context.trainer(group).optimizer is None or group.external:
            continue
        measure = compare_answers if arguments.answers else compare
        found = measure(context, group, arguments.candidates, arguments.repeats)
        if isinstance(found, str):
            print(f"{group.name:<16} cannot be stacked: {found}")
        else:
            turn, together, apart = found
            print(f"{group.name:<16} {turn:>10.1f} {together:>10.1f} {turn / together:>9.2f} {apart:>10.1e}")


if __name__ == "__main__":
    main()
