"""Several weights of one group that answer together, and how far apart they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.func import functional_call

from redheart_core.contract.nodes import Output
from redheart_core.data.batch import Batch
from redheart_core.groups.active import ActiveNode
from redheart_core.groups.group_module import GroupModule, module_name
from redheart_core.groups.weights_digest import FileDigest, tensors_digest

Weights = Mapping[str, Tensor]
_LEAST = 1e-12
"""Smallest probability whose logarithm is taken."""


class Ensemble:
    """The members of a group side by side: each batch is read once and answered by all of them.

    Probabilities and values are averaged; logits become those of the averaged probabilities. It is used as
    the group's module is, for evaluation alone.

    Args:
        module: The group; its own weights are not used.
        members: One checkpoint each, as GroupModule.parameter_dict names it.
        read: The SHA-256 of the file that each was read from; None of one that no file holds.
    """

    def __init__(self, module: GroupModule, members: Sequence[Weights], read: Sequence[str | None] = ()) -> None:
        self.module = module
        self.weights = tuple(members)
        known = read or [None] * len(members)
        pairs = zip(known, members, strict=True)
        self._read = tuple(None if sha256 is None else FileDigest.of(sha256, member) for sha256, member in pairs)
        self.members = tuple({module_name(name): tensor for name, tensor in member.items()} for member in members)
        self.group, self.objectives = module.group, module.objectives
        self.fields, self.shapes, self.honest = module.fields, module.shapes, module.honest

    @property
    def digests(self) -> tuple[str, ...]:
        """That of each member."""
        return tuple(map(tensors_digest, self.weights, self._read))

    def eval(self) -> Ensemble:
        self.module.eval()
        return self

    def __call__(self, batch: Batch, compare: bool = False) -> dict[str, Tensor]:
        """The averaged outputs, "node.output" to (B, *shape); compare as GroupModule.forward says."""
        return self.average(self._answers(batch, compare))

    def _answers(self, batch: Batch, compare: bool) -> list[dict[str, Tensor]]:
        return [functional_call(self.module, member, (batch, compare)) for member in self.members]

    def average(self, answers: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
        """The members' outputs for the same records as one."""
        averaged = {}
        for node in self.group.nodes:
            for name in sorted(self.group.wanted(node)):
                full = f"{node.name}.{name}"
                stacked = torch.stack([answer[full] for answer in answers])
                averaged[full] = self._mean(node, node.spec.output(name), stacked)
        return averaged

    def _mean(self, node: ActiveNode, output: Output, stacked: Tensor) -> Tensor:
        """(M, B, *shape) to (B, *shape)."""
        if output.form != "logits":
            return stacked.mean(0)
        field = self.fields.get(output.labels) if output.labels else None
        if field is not None and field.binary:
            return stacked.sigmoid().mean(0).clamp(_LEAST, 1 - 1e-7).logit()
        return stacked.softmax(-1).mean(0).clamp(min=_LEAST).log()

    @torch.no_grad()
    def with_disagreement(self, batch: Batch, compare: bool = False) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The averaged outputs, and the standard deviation over the members of each of their numbers."""
        answers = self._answers(batch, compare)
        spreads = {name: torch.stack([answer[name] for answer in answers]).std(0, correction=0) for name in answers[0]}
        return self.average(answers), spreads
