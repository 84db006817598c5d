"""One answer out of the members': their mean, or the best of successive ones.

Shapes: B records, M members.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from redheart_committees.model import LEAST
from redheart_core import BuildContext, Field
from redheart_core.contract.fitting import FitData
from redheart_core.nn.answer_losses import answer_losses
from redheart_core.nn.answers import from_probabilities, from_values, is_values, text_fields
from redheart_core.nn.named import Named


class Weights(nn.Module):
    """Members (M, B, *shape) to (B, *shape); the weights, one per member, are set by a fit and get no gradient."""

    losses: Tensor

    def __init__(self, members: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((members,), 1 / members), requires_grad=False)
        self.register_buffer("losses", torch.zeros(members))

    def forward(self, members: Tensor) -> Tensor:
        return (members * self.weight.view(-1, *[1] * (members.dim() - 1))).sum(0)


class Committee(nn.Module):
    """Weights for each field.

    Args:
        fields: The fields to answer.
        members: Field to the inputs that answer it, "node.output".
    """

    def __init__(self, fields: Sequence[Field], members: Mapping[str, Sequence[str]]) -> None:
        super().__init__()
        self.fields = tuple(fields)
        self.members = {field.name: tuple(members[field.name]) for field in fields}
        self.weights = Named({field.name: Weights(len(self.members[field.name])) for field in fields})

    def of(self, field: Field) -> Weights:
        """Those of a field."""
        found = self.weights[field.name]
        assert isinstance(found, Weights)
        return found

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """The outputs that the plugin declares for its fields."""
        outputs: dict[str, Tensor] = {}
        for field in self.fields:
            mixed = self.of(field)(torch.stack([inputs[name] for name in self.members[field.name]]))
            numbers = mixed if field.labels else mixed.unsqueeze(-1)
            if is_values(field):
                outputs |= from_values(field, numbers)
            else:
                outputs |= from_probabilities(field, numbers.clamp(LEAST, 1 - LEAST if field.binary else None))
        return outputs


def build(context: BuildContext) -> Committee:
    """Weights for each field that the members answer."""
    fields = text_fields(context)
    return Committee(list(fields.values()), {name: context.gathered(name) for name in fields})


def fit_mean(module: nn.Module, data: FitData) -> None:
    """Weigh every member of a field the same (Breiman 1996); the validation losses are kept beside the weights."""
    _fit(module, data, lambda losses: torch.full_like(losses, 1 / len(losses)))


def fit_best(module: nn.Module, data: FitData) -> None:
    """Take the stage of the least validation loss, the earliest of equals."""
    _fit(module, data, lambda losses: torch.nn.functional.one_hot(losses.argmin(), len(losses)))


@torch.no_grad()
def _fit(module: nn.Module, data: FitData, weigh: Callable[[Tensor], Tensor]) -> None:
    """Weigh the members of each field by their mean losses on the validation records."""
    assert isinstance(module, Committee)
    for field in module.fields:
        target = data.validation.field(field.name)
        answers = [data.validation.output(name) for name in module.members[field.name]]
        losses = torch.stack([answer_losses(field, answer, target).nanmean() for answer in answers])
        module.of(field).losses.copy_(losses)
        module.of(field).weight.copy_(weigh(losses))
