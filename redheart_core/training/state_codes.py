"""How torchao writes the moments of AdamW with 8 or 4 bits, as tables that are fast on a processor.

Blocks of numbers are divided by their largest magnitude and rounded to one of 256 levels (Dettmers et al. 2022) or of
16 (Li et al. 2023). torchao finds the level of each number by 8 or 4 gathers and comparisons. The tables say the same
of every float32 by one: its upper 16 bits name a cell, within which the level changes at one number at most.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from typing import Literal

import attrs
import torch
from torch import Tensor

from redheart_core.contract.errors import SettingsError

Bits = Literal[8, 4]
CELLS = 1 << 16
"""Values of the upper half of a float32: its sign, its exponent and 7 bits of its fraction."""
BLOCKS = {8: 256, 4: 128}
"""Numbers that share a scale, by bits: torchao's."""
STEPS = 33
"""Of a search through all float32."""

Quantize = Callable[[Tensor, Tensor], Tensor]
"""torchao's: numbers, (N,), and levels to the number of each one's level, (N,) uint8."""


@attrs.frozen(eq=False)
class LevelTable:
    """The levels of signed or unsigned numbers."""

    levels: Tensor
    """(2 ** bits,) ascending, within -1..1."""
    base: Tensor
    """(CELLS,) uint8, the level of the lowest number of each cell."""
    change: Tensor
    """(CELLS,) the number of the cell at which the next level begins; infinite if none does."""

    def encode(self, numbers: Tensor) -> Tensor:
        """The level of each number.

        Args:
            numbers: (N,) float32, contiguous, within -1..1.

        Returns:
            (N,) uint8.
        """
        cells = (numbers.view(torch.int32) >> 16).add_(CELLS // 2)
        return self.base.index_select(0, cells).add_(numbers >= self.change.index_select(0, cells))

    def to(self, device: torch.device) -> LevelTable:
        """The same on a device."""
        return LevelTable(self.levels.to(device), self.base.to(device), self.change.to(device))


@attrs.frozen(eq=False)
class StateCodes:
    """Moments as codes and scales. Numbers stand in blocks of BLOCKS[bits]."""

    bits: Bits
    signed: LevelTable
    """Of the first moment."""
    unsigned: LevelTable
    """Of the second one."""

    def write(self, numbers: Tensor, signed: bool, codes: Tensor, scale: Tensor) -> None:
        """Round numbers.

        Args:
            numbers: (N,) float32, whole blocks.
            signed: Which levels.
            codes: (N * bits / 8,) uint8, is written.
            scale: (blocks,) float32, is written: the largest magnitude of each block.
        """
        blocks = numbers.view(-1, BLOCKS[self.bits])
        torch.amax(blocks.abs(), -1, out=scale)
        scale.clamp_(min=1e-12)
        found = (self.signed if signed else self.unsigned).encode((blocks / scale.unsqueeze(-1)).view(-1))
        codes.copy_(found if self.bits == 8 else (found[::2] << 4).bitwise_or_(found[1::2]))

    def read(self, codes: Tensor, scale: Tensor, signed: bool) -> Tensor:
        """The numbers that write has rounded to, (N,) float32."""
        if self.bits == 4:
            codes = torch.stack([codes >> 4, codes & 0b1111], -1).view(-1)
        levels = (self.signed if signed else self.unsigned).levels
        numbers = levels.index_select(0, codes.to(torch.int32))
        numbers.view(-1, BLOCKS[self.bits]).mul_(scale.unsqueeze(-1))
        return numbers

    def to(self, device: torch.device) -> StateCodes:
        """The same on a device."""
        return StateCodes(self.bits, self.signed.to(device), self.unsigned.to(device))


@cache
def state_codes(bits: Bits, device: torch.device) -> StateCodes:
    """The codes of a number of bits, on a device.

    Raises:
        SettingsError: torchao is not installed, or writes states in another way.
    """
    if device.type != "cpu":
        return state_codes(bits, torch.device("cpu")).to(device)
    require_torchao(bits)
    with _quiet():
        from torchao.optim import quant_utils
        from torchao.optim.subclass_4bit import OptimState4bit
        from torchao.optim.subclass_8bit import OptimState8bit
    kind, quantize = {
        8: (OptimState8bit, quant_utils.quantize_8bit_with_qmap),
        4: (OptimState4bit, quant_utils.quantize_4bit_with_qmap),
    }[bits]
    signed, unsigned = (
        _tabulate(kind.zeros((BLOCKS[bits],), signed, BLOCKS[bits]).qmap, quantize) for signed in (True, False)
    )
    return StateCodes(bits, signed, unsigned)


def require_torchao(bits: int) -> None:
    """Refuse states of few bits without the library.

    Raises:
        SettingsError: It is not installed.
    """
    try:
        with _quiet():
            import torchao.optim  # noqa: F401 - takes seconds, as all of torchao comes along
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"optimizer_bits = {bits} needs torchao, and {error.name} is not installed; "
            "pip install 'redheart[lowbit]', or leave optimizer_bits out"
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Inside, nothing below an error is logged: torchao warns of kernels for other processors that it cannot load."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def _tabulate(levels: Tensor, quantize: Quantize) -> LevelTable:
    """The tables of torchao's rounding to some levels.

    Raises:
        SettingsError: They cannot say the same: this torchao rounds in another way.
    """
    changes = _changes(levels, quantize)
    cells = torch.arange(-CELLS // 2, CELLS // 2, dtype=torch.int32) << 16
    ends = torch.stack([cells, cells | (CELLS - 1)]).view(torch.float32)
    lowest = ends.amin(0).nan_to_num(0.0)
    base = torch.searchsorted(changes, lowest, right=True)
    following = torch.cat([changes, changes.new_tensor([torch.inf])])[base]
    table = LevelTable(levels, base.to(torch.uint8), following)
    near = [changes, changes.nextafter(changes + 1), changes.nextafter(changes - 1)]
    probes = torch.cat([levels, *near, torch.linspace(-1, 1, 4097), torch.linspace(-1e-3, 1e-3, 4097)])
    if not torch.equal(table.encode(probes), quantize(probes, levels)):
        raise SettingsError(
            f"torchao {version('torchao')} rounds optimizer states in another way than 0.18, which is what is expected "
            "here; install torchao 0.18, or leave optimizer_bits out"
        )
    return table


def _changes(levels: Tensor, quantize: Quantize) -> Tensor:
    """(levels - 1,) the lowest number of each level but the first, by bisection of all float32."""
    wanted = torch.arange(1, len(levels))
    low, high = (_rank(torch.full((len(levels) - 1,), end)) for end in (-2.0, 2.0))
    for _ in range(STEPS):
        middle = (low + high) // 2
        reached = quantize(_number(middle), levels) >= wanted
        low, high = torch.where(reached, low, middle), torch.where(reached, middle, high)
    return _number(high)


def _rank(numbers: Tensor) -> Tensor:
    """Float32 as integers in the same order."""
    bits = numbers.view(torch.int32).long()
    return torch.where(bits < 0, -(bits & 0x7FFFFFFF), bits)


def _number(ranks: Tensor) -> Tensor:
    """The way back."""
    bits = torch.where(ranks < 0, -ranks - (1 << 31), ranks)
    return bits.to(torch.int32).view(torch.float32)
