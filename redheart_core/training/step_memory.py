"""What one training step of a group holds in memory, measured by taking steps."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs
import torch
from torch import Tensor

from redheart_core.data.batch import Batch
from redheart_core.training.group_trainer import GroupFault, GroupTrainer
from redheart_core.training.stored_weights import masters


@attrs.frozen
class StepMemory:
    """Bytes that a group holds between its steps, and what a step takes beyond them."""

    weights: int
    """Parameters and buffers of its modules."""
    gradients: int
    """They stay until the group's next step, or the end of its turn."""
    optimizer: int
    """Moments of AdamW, and the moving average of the weights."""
    working: int
    """Most that a step holds beyond these at any moment: its batch, activations and intermediate results."""
    after: int
    """Most that validation holds beyond weights and optimizer, after the last step of an epoch; files are written
    tensor by tensor."""
    seconds: float
    """Of a step."""
    copied: int = 0
    """What a save in the background holds while other groups have their turns."""
    grown: int = 0
    """By which a turn made the device's memory grow beyond weights and optimizer, as measured: libraries and allocators
    take more than tensors have."""
    parts: int = 0
    """Of pages that the group's tensors use in part, as long as its tier is trained: a tensor begins and ends anywhere
    in a page, so that it holds one page more than its bytes on average."""

    @property
    def state(self) -> int:
        """What stays between the turns of the group."""
        return self.weights + self.optimizer

    @property
    def transient(self) -> int:
        """What its turn takes beyond that, at most."""
        return max(self.gradients + self.working, self.after, self.grown)


def measure_step(trainer: GroupTrainer, batch: Batch) -> StepMemory:
    """Take steps on a batch with a trainer that is then thrown away.

    The first step creates the optimizer's state, the second is timed. Two more are traced from a state without
    gradients: the profiler sees no release of what was allocated before it began, so the gradients that the last step
    releases have to come from within the trace.

    Raises:
        GroupFault: A step fails, or the records have no target of the group.
    """
    if trainer.step(batch, 1, 0) is None:
        raise GroupFault("its records have none of its targets")
    _finish(trainer.device)
    started = time.perf_counter()
    trainer.step(batch, 1, 1)
    _finish(trainer.device)
    seconds = time.perf_counter() - started
    trainer.module.zero_grad(set_to_none=True)
    most = most_allocated(lambda: [trainer.step(batch, 1, number) for number in (2, 3)], trainer.device)
    gradients = bytes_of(one.grad for one in trainer.module.parameters() if one.grad is not None)
    trainer.module.zero_grad(set_to_none=True)
    weights = bytes_of([*trainer.module.parameters(), *trainer.module.buffers()])
    optimizer, records = bytes_of(trainer.optimizer_tensors().values()), batch.bytes
    average, exact = trainer.average is not None, bytes_of(masters(trainer).values())
    stored = (weights - exact // 2) * (1 + average)  # files of weights
    put_aside = weights if average or exact else 0
    return StepMemory(
        weights=weights,
        gradients=gradients,
        optimizer=optimizer,
        working=most - gradients + records,
        after=put_aside + (stored if exact else 0) + _evaluating(trainer, batch) + records,
        seconds=seconds,
        copied=stored + exact + optimizer,
    )


@torch.no_grad()
def _evaluating(trainer: GroupTrainer, batch: Batch) -> int:
    """The most that answering a batch takes."""
    module = trainer.module.eval()
    return most_allocated(lambda: module(batch), trainer.device)


def _finish(device: torch.device) -> None:
    """Wait for a device that runs behind its processor, so that a clock says what it took."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def bytes_of(tensors: Iterable[Tensor]) -> int:
    """Of all elements."""
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def most_allocated(work: Callable[[], object], device: torch.device) -> int:
    """The most bytes of tensors that some work holds at any moment, beyond those that were there before.

    On the CPU PyTorch's profiler records every allocation; on CUDA the allocator keeps the figure itself.
    """
    if device.type != "cpu":
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        work()
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_allocated(device) - before
    activities = [torch.profiler.ProfilerActivity.CPU]
    with TemporaryDirectory() as folder:
        with torch.profiler.profile(activities=activities, profile_memory=True) as trace:
            work()
        file = Path(folder, "trace.json")
        trace.export_chrome_trace(str(file))
        events = json.loads(file.read_text(encoding="utf-8"))["traceEvents"]
    held = most = 0
    for event in sorted((one for one in events if one.get("name") == "[memory]"), key=lambda one: one["ts"]):
        held += event["args"]["Bytes"]
        most = max(most, held)
    return most
