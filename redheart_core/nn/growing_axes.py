"""How the units of a larger layer stand to those of a smaller one, and the weights that follow from it."""

from __future__ import annotations

import math
from typing import Literal

import attrs
import torch
from torch import Tensor

from redheart_core.contract.errors import SettingsError

APART = 0.1
"""How much of their initial weights the copies of a unit keep as what tells them apart."""
NEW = -1

Fill = Literal["initial", "zero", "mean"]
"""What the weights of new units are: as initialised, 0, or the mean of those of all old units."""


@attrs.frozen(eq=False)
class Axis:
    """How the N units of a larger layer stand to the n of a smaller one."""

    source: Tensor
    """(N,) int64: the unit that each repeats, NEW for none."""
    silent: bool | Tensor = False
    """Whether new units are 0 for every record: all of them, or which, (N,) bool."""

    @classmethod
    def same(cls, size: int) -> Axis:
        """As before."""
        return cls(torch.arange(size))

    @classmethod
    def padded(cls, old: int, new: int, *, silent: bool = False) -> Axis:
        """The old units, then new ones.

        Raises:
            SettingsError: It would have to shrink.
        """
        if new < old:
            raise SettingsError(f"a layer of {old} units cannot take over what one of {new} has to compute; widen it")
        return cls(torch.cat([torch.arange(old), torch.full((new - old,), NEW)]), silent)

    @classmethod
    def repeated(cls, old: int, new: int) -> Axis:
        """The old units again and again.

        Raises:
            SettingsError: The new size is no multiple of the old one.
        """
        if new % old:
            raise SettingsError(f"a width of {new} is no multiple of {old}, which a residual stream needs to grow")
        return cls(torch.arange(new) % old)

    @classmethod
    def joined(cls, *parts: Axis) -> Axis:
        """Concatenated, as torch.cat does it."""
        sources, start = [], 0
        for part in parts:
            sources.append(torch.where(part.source == NEW, NEW, part.source + start))
            start += part.old
        return cls(torch.cat(sources), torch.cat([part.idle for part in parts]))

    @property
    def new(self) -> Tensor:
        """(N,) bool."""
        return self.source == NEW

    @property
    def idle(self) -> Tensor:
        """(N,) bool: new units that are 0 for every record, so that any weight may read them."""
        return self.new & torch.as_tensor(self.silent)

    @property
    def old(self) -> int:
        """n."""
        return int(self.source.max()) + 1 if len(self.source) else 0

    @property
    def copies(self) -> Tensor:
        """(N,) float64: how often the unit that each repeats stands here; 1 for a new one."""
        counts = torch.bincount(self.source[~self.new], minlength=self.old).double()
        return torch.where(self.new, 1.0, counts[self.source.clamp(0)])

    @property
    def spread(self) -> float:
        """What old units are multiplied by before a layer norm, so that the variance over all units stays."""
        return math.sqrt(len(self.source) / int((~self.new).sum()))


def multiple(small: int, wanted: int) -> int:
    """The multiple of a width whose ratio to a wanted one is nearest to 1; the smaller of equals."""
    below = max(1, wanted // small) * small
    return min((below, below + small), key=lambda width: (max(width / wanted, wanted / width), width))


def multiple_with_heads(small: tuple[int, int], wanted: tuple[int, int], each: int = 1) -> tuple[int, int]:
    """A width and a number of attention heads of which each can do what one of the smaller layer does.

    Args:
        small: Width and heads of the smaller layer.
        wanted: The same of a larger one.
        each: What the width of a head is a multiple of.

    Returns:
        The width of multiple, and the number of heads nearest to the wanted one that is not below the smaller layer's,
        and whose heads are not narrower; the smaller of equals.
    """
    width, heads = multiple(small[0], wanted[0]), small[1]
    most = width * heads // small[0]
    fitting = [number for number in range(heads, most + 1) if width % (number * each) == 0]
    return width, min(fitting, key=lambda number: (abs(number - wanted[1]), number))


def grown_weight(
    new: Tensor, old: Tensor, rows: Axis, columns: Axis, fill: Fill = "initial", scale: float = 1.0
) -> Tensor:
    """A weight (..., R, C) of a larger layer out of that of the smaller one and its own initial values.

    Args:
        new: (..., R, C), as initialised.
        old: (..., r, c).
        rows: R to r.
        columns: C to c; new ones weigh nothing, unless they are silent.
        fill: Of new rows.
        scale: That the old rows are multiplied by.
    """
    source, copies = columns.source.clamp(0), columns.copies
    weight = old[..., rows.source.clamp(0), :][..., source] * (scale / copies)
    sums = new.new_zeros(*new.shape[:-1], columns.old).index_add_(-1, source[~columns.new], new[..., ~columns.new])
    apart = APART * (new - sums[..., source] / copies)
    weight = torch.where(copies > 1, weight + apart, weight)
    weight = torch.where(columns.new, torch.where(columns.idle, new, 0.0), weight)
    return _filled(weight, new, rows, fill, -2)


def grown_bias(new: Tensor, old: Tensor, rows: Axis, fill: Fill = "initial", scale: float = 1.0) -> Tensor:
    """A bias (..., R), likewise."""
    return _filled(old[..., rows.source.clamp(0)] * scale, new, rows, fill, -1)


def _filled(weight: Tensor, new: Tensor, rows: Axis, fill: Fill, dim: int) -> Tensor:
    """A tensor with its new rows filled."""
    mask = rows.new.view(-1, *[1] * (-dim - 1))
    if fill == "initial":
        filling = new
    elif fill == "zero":
        filling = torch.zeros_like(new)
    else:
        filling = weight.index_select(dim, (~rows.new).nonzero().flatten()).mean(dim, keepdim=True)
    return torch.where(mask, filling, weight)
