"""A checkpoint group as one function of tensors, with dynamic numbers of texts, chunks and tokens."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence

import attrs
import torch
from torch import Tensor, nn

from redheart_core.contract.fields import Shape
from redheart_core.data.token_views import token_views
from redheart_core.groups.ensemble import Ensemble
from redheart_core.groups.exporting import GroupFunction, TensorFunction
from redheart_core.groups.group_module import Answering, GroupModule

SPREAD = "spread/"
"""Begins the names of outputs that are the members' standard deviations."""
GOLDEN = (5**0.5 - 1) / 2
"""Its multiples, less their whole parts, are spread evenly."""


@attrs.frozen
class Sizes:
    """Of a batch; none of them is in a graph."""

    texts: int
    chunks: int
    tokens: int


class Graph(TensorFunction):
    """A group as one function: its outputs, the mean of several members, and behind these the members' spread."""

    def __init__(self, module: Answering) -> None:
        super().__init__()
        self.mean = module if isinstance(module, Ensemble) else None
        self.members = nn.ModuleList(GroupFunction(member) for member in _members(module))
        first = self.members[0]
        assert isinstance(first, GroupFunction)
        self.reads, self.outputs = first.reads, first.gives
        self.gives = (*self.outputs, *(SPREAD + name for name in self.outputs if self.mean is not None))

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        answers = [dict(zip(self.outputs, member(*inputs), strict=True)) for member in self.members]
        if self.mean is None:
            return tuple(answers[0].values())
        averaged = self.mean.average(answers)
        spreads = [torch.stack([one[name] for one in answers]).std(0, correction=0) for name in self.outputs]
        return (*(averaged[name] for name in self.outputs), *spreads)


def _members(module: Answering) -> Sequence[GroupModule]:
    """A module for each checkpoint that answers."""
    if isinstance(module, GroupModule):
        return [module]
    assert isinstance(module, Ensemble)
    members = [copy.deepcopy(module.module) for _ in module.weights]
    for member, weights in zip(members, module.weights, strict=True):
        member.load(weights)
    return members


def sample_inputs(names: Sequence[str], shapes: Mapping[str, Shape], sizes: Sizes) -> list[Tensor]:
    """A batch of a size: all chunks are there, and numbers are spread evenly over 0..1 (Weyl 1916)."""
    samples = []
    for name in names:
        if name == "mask":
            samples.append(torch.ones(sizes.texts, sizes.chunks, dtype=torch.bool))
        elif token_views([name]):
            samples.append(torch.zeros(sizes.texts, sizes.tokens, dtype=torch.int64))
        else:
            shape = (sizes.texts, *(sizes.chunks if size == "T" else int(size) for size in shapes[name]))
            places = torch.arange(1, math.prod(shape) + 1, dtype=torch.float64)
            samples.append((places * GOLDEN).frac().float().reshape(shape))
    return samples
