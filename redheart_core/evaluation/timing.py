"""How long a module takes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence

import attrs
import torch
from torch import Tensor

from redheart_core.config.tables import DEFAULT_TERMS, TrainSettings
from redheart_core.contract.data import EXAMPLE_TOKENIZERS, EXAMPLE_WIDTH
from redheart_core.contract.fields import Field, Shape
from redheart_core.data.batch import Batch
from redheart_core.groups.active import ActiveNode
from redheart_core.groups.graph import output_shapes
from redheart_core.groups.group import Group
from redheart_core.groups.group_module import CPU, Surroundings
from redheart_core.storage.runtime import generator, use_threads
from redheart_core.training.group_trainer import GroupTrainer

TOKENS_OF_A_CHUNK = 32
BATCH = 32


@attrs.frozen
class Timing:
    """Medians in milliseconds for a batch of 32, fp32."""

    parameters: int
    chunks: int
    threads: int
    forward: float
    """Evaluation, without gradient."""
    step: float | None
    """Gradients cleared, forward, loss, backward, AdamW; None for what is fitted in closed form."""

    @property
    def samples_per_second(self) -> float | None:
        """In training."""
        return None if self.step is None else 1000 * BATCH / self.step


def measure(
    nodes: Sequence[ActiveNode],
    around: Sequence[ActiveNode],
    fields: Mapping[str, Field],
    scale: str,
    chunks: int,
    threads: int,
    repeats: int = 5,
) -> Timing:
    """Time some nodes as one group, on numbers that stand for no data.

    Args:
        nodes: Bound, with the settings of the scale, in the order in which they compute.
        around: All nodes whose outputs they may read.
        fields: The fields of the data set.
        scale: Its name.
        chunks: T.
        threads: Of torch.
        repeats: Of which the median is taken.
    """
    use_threads(threads)
    shapes = output_shapes(around, fields, EXAMPLE_WIDTH, DEFAULT_TERMS, EXAMPLE_TOKENIZERS)
    surroundings = Surroundings(fields, shapes, scale, 0, EXAMPLE_TOKENIZERS)
    group = Group("bench", tuple(nodes), 0, ())
    trainer = GroupTrainer(group, surroundings, TrainSettings(scale=scale, batch_size=BATCH), repeats, CPU)
    batch = _filler(group, surroundings, chunks)
    numbers = iter(range(repeats + 1))

    @torch.no_grad()
    def forward() -> None:
        trainer.module(batch)

    trainer.module.eval()
    forward_time = _median(forward, repeats)
    step_time = None
    if trainer.optimizer is not None:
        step_time = _median(lambda: trainer.step(batch, 1, next(numbers)), repeats)
    size = sum(parameter.numel() for parameter in trainer.module.parameters())
    return Timing(size, chunks, threads, forward_time, step_time)


def _median(action: Callable[[], object], repeats: int) -> float:
    """Median milliseconds, after one call that does not count."""
    action()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        action()
        times.append(1000 * (time.perf_counter() - started))
    return statistics.median(times)


def _filler(group: Group, surroundings: Surroundings, chunks: int) -> Batch:
    """A batch of the declared shapes and ranges; its numbers mean nothing."""
    stream = generator("bench")

    def numbers(shape: Shape) -> Tensor:
        return torch.rand((BATCH, *(chunks if size == "T" else int(size) for size in shape)), generator=stream)

    inputs = {"embedding": numbers(("T", EXAMPLE_WIDTH)) - 0.5, "mask": torch.ones(BATCH, chunks, dtype=torch.bool)}
    if "tokens" in group.inputs:
        size = (BATCH, TOKENS_OF_A_CHUNK * chunks)
        inputs["tokens"] = torch.randint(EXAMPLE_TOKENIZERS["tokens"].size, size, generator=stream)
    others = [name for name in group.inputs if name != "tokens" and name not in group.fields]
    inputs |= {name: numbers(surroundings.shapes[name]) for name in others}
    fields = {*group.fields, *group.targets}
    values = {name: _field_values(surroundings.fields[name], numbers) for name in sorted(fields)}
    inputs |= {name: values[name] for name in group.fields}
    return Batch(inputs, {name: values[name] for name in group.targets})


def _field_values(field: Field, numbers: Callable[[Shape], Tensor]) -> Tensor:
    low, high = max(field.low, -5.0), min(field.high, 5.0)
    values = low + (high - low) * numbers(field.shape)
    return values / values.sum(-1, keepdim=True) if field.simplex else values
