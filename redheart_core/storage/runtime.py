"""Device, threads and random streams, chosen in this one place."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

import torch

from redheart_core.contract.errors import RedheartError


def usable_devices() -> tuple[str, ...]:
    """Devices that can train: the processor and CUDA's. Others lack float64, in which losses are summed, or a seed."""
    return ("cpu", *(f"cuda:{number}" for number in range(torch.cuda.device_count())))


def choose_device(name: str) -> torch.device:
    """The device of that name, such as "cpu", "cuda" or "cuda:0".

    Raises:
        RedheartError: It is not there or cannot train; nothing else is taken instead.
    """
    usable = usable_devices()
    if name not in usable and (name != "cuda" or len(usable) == 1):
        raise RedheartError(
            f"device '{name}' cannot be used to train and to answer; choose with --device one of: {', '.join(usable)}"
        )
    device = torch.device(name)
    try:
        torch.empty(1, device=device)
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise RedheartError(f"device '{name}' cannot be used: {reason}; choose another with --device") from error
    return device


def has_bfloat16(device: torch.device) -> bool:
    """Whether a device has instructions for products in bfloat16; without them a processor takes several times as long
    as for float32."""
    return device.type != "cpu" or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


THREADS_AT_START = torch.get_num_threads()
"""Torch's number of threads before redheart chose one."""


def use_threads(threads: int) -> None:
    """Fix the number of threads: sums split over another number round differently."""
    torch.set_num_threads(threads)


@contextmanager
def one_thread() -> Iterator[None]:
    """Inside, torch computes in one thread: no bit depends on the number of cores, and a short text waits for no other
    thread, which takes longer than its products where all cores are busy."""
    before = torch.get_num_threads()
    use_threads(1)
    try:
        yield
    finally:
        use_threads(before)


_onednn: Any = torch.backends.mkldnn  # torch declares what can be set there by a type of its own
_plain = Lock()
_inside: list[bool] = []
"""For each thread that is inside of plain_kernels whether torch used oneDNN before."""


@contextmanager
def plain_kernels() -> Iterator[None]:
    """Inside, torch computes by its own kernels alone, not by oneDNN's, each of which takes 20 us before it begins.

    For answers on a few texts, where that is a fifth of the time; large networks are faster with oneDNN. Last bits
    differ, so that nothing is trained or validated inside. Torch has one such setting for all threads: the last one
    that leaves gives it back.
    """
    with _plain:
        _inside.append(_inside[0] if _inside else _onednn.enabled)
        _onednn.enabled = False
    try:
        yield
    finally:
        with _plain:
            before = _inside.pop()
            if not _inside:
                _onednn.enabled = before


def stream_seed(*parts: object) -> int:
    """A seed that depends on its parts alone: the seed of the run, group, epoch, step, ..."""
    text = "/".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> 1


@contextmanager
def random_stream(device: torch.device, *parts: object) -> Iterator[None]:
    """Inside, torch draws from the stream of these parts; outside, nothing has changed.

    Dropout and initialisation take no generator, so the global one is seeded for a moment.
    No state has to be saved: any step's stream follows from its numbers.
    """
    generators = default_generators(device)
    states = [one.get_state() for one in generators]
    try:
        for one in generators:
            # torch.manual_seed takes 100 times as long, as it notes down the call for devices that are not there
            one.manual_seed(stream_seed(*parts))
        yield
    finally:
        for one, state in zip(generators, states, strict=True):
            one.set_state(state)


def default_generators(device: torch.device) -> list[torch.Generator]:
    """Those from which dropout on a device may draw."""
    generators = [torch.default_generator]
    if device.type == "cuda":
        torch.cuda.init()  # type: ignore[no-untyped-call]
        index = torch.cuda.current_device() if device.index is None else device.index
        generators.append(torch.cuda.default_generators[index])
    return generators


def generator(*parts: object) -> torch.Generator:
    """A CPU generator of its own for these parts."""
    return torch.Generator().manual_seed(stream_seed(*parts))
