"""A checkpoint group as one function of tensors, with dynamic numbers of texts, chunks and tokens."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import attrs
import torch
from torch import Tensor, nn

from redheart_core.contract.fields import Shape
from redheart_core.groups.ensemble import Ensemble
from redheart_core.groups.group_module import Answering, GroupModule, node_inputs
from redheart_core.storage.runtime import random_stream

SPREAD = "spread/"
"""Begins the names of outputs that are the members' standard deviations."""


@attrs.frozen
class Sizes:
    """Of a batch; none of them is in a graph."""

    texts: int
    chunks: int
    tokens: int


@attrs.frozen
class GraphNames:
    """What a graph reads and gives."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    """Without the members' standard deviations."""
    members: int


class Graph(nn.Module):
    """A group as a function of tensors in order: the outputs by name, and of several members their spread."""

    def __init__(self, module: Answering) -> None:
        super().__init__()
        self.mean = module if isinstance(module, Ensemble) else None
        group = module.group
        self.members = nn.ModuleList(_members(module))
        outputs = [f"{node.name}.{name}" for node in group.nodes for name in sorted(group.wanted(node))]
        self.names = GraphNames(("embedding", "mask", *group.inputs), tuple(outputs), len(self.members))
        self.all_outputs = (*outputs, *(SPREAD + name for name in outputs if self.mean is not None))

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        known = dict(zip(self.names.inputs, inputs, strict=True))
        answers = [_answers(member, known) for member in self.members]
        if self.mean is None:
            return tuple(answers[0][name] for name in self.names.outputs)
        averaged = self.mean.average(answers)
        stacked = {name: torch.stack([answer[name] for answer in answers]) for name in self.names.outputs}
        spreads = [stacked[name].std(0, correction=0) for name in self.names.outputs]
        return (*(averaged[name] for name in self.names.outputs), *spreads)


def _members(module: Answering) -> Sequence[GroupModule]:
    """A module for each checkpoint that answers."""
    if isinstance(module, GroupModule):
        return [module]
    assert isinstance(module, Ensemble)
    members = [copy.deepcopy(module.module) for _ in module.weights]
    for member, weights in zip(members, module.weights, strict=True):
        member.load(weights)
    return members


def _answers(module: nn.Module, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """As GroupModule computes it, without the checks of what plugins give, which need numbers."""
    assert isinstance(module, GroupModule)
    known, outputs = dict(given), dict[str, Tensor]()
    for node in module.group.nodes:
        found = module.nodes[node.name](node_inputs(node, known))
        own = {f"{node.name}.{name}": tensor for name, tensor in found.items()}
        if node.name in module.residuals:
            own |= module.residuals[node.name](known, own)
        known |= own
        outputs |= own
    return outputs


def sample_inputs(names: Sequence[str], shapes: Mapping[str, Shape], sizes: Sizes) -> tuple[Tensor, ...]:
    """Some numbers for each input, the same ones every time."""
    samples: list[Tensor] = []
    with random_stream(torch.device("cpu"), 0, "export"):
        for name in names:
            if name == "mask":
                samples.append(torch.ones(sizes.texts, sizes.chunks, dtype=torch.bool))
            elif name == "tokens":
                samples.append(torch.zeros(sizes.texts, sizes.tokens, dtype=torch.int64))
            else:
                shape = (sizes.chunks if size == "T" else int(size) for size in shapes[name])
                samples.append(torch.rand(sizes.texts, *shape))
    return tuple(samples)
