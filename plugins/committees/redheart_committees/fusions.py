"""One answer out of the members': their mean, or the best of successive ones.

Shapes: B records, M members, L numbers of a field.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from redheart_core import BuildContext, Field
from redheart_core.contract.fitting import FitData
from redheart_core.nn.answer_losses import answer_losses
from redheart_core.nn.fusing import Gathered, fused, gathered_fields
from redheart_core.nn.named import Named


class Weights(nn.Module):
    """Members (M, B, L) to (B, L); the weights, one per member, are set by a fit and get no gradient."""

    losses: Tensor

    def __init__(self, members: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((members,), 1 / members), requires_grad=False)
        self.register_buffer("losses", torch.zeros(members))

    def forward(self, members: Tensor) -> Tensor:
        return (members * self.weight.view(-1, 1, 1)).sum(0)


class Committee(nn.Module):
    """Weights for each field."""

    def __init__(self, gathered: Sequence[Gathered]) -> None:
        super().__init__()
        self.gathered = tuple(gathered)
        self.weights = Named({one.field.name: Weights(len(one.names)) for one in self.gathered})

    def of(self, field: Field) -> Weights:
        """Those of a field."""
        found = self.weights[field.name]
        assert isinstance(found, Weights)
        return found

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """The outputs that the plugin declares for its fields."""
        outputs: dict[str, Tensor] = {}
        for one in self.gathered:
            outputs |= fused(one.field, self.of(one.field)(one.stacked(inputs.__getitem__)))
        return outputs


def build(context: BuildContext) -> Committee:
    """Weights for each field that the members answer."""
    return Committee(gathered_fields(context))


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
    for one in module.gathered:
        target = data.validation.field(one.field.name)
        answers = one.stacked(data.validation.output)
        losses = torch.stack([answer_losses(one.field, answer, target).nanmean() for answer in answers])
        module.of(one.field).losses.copy_(losses)
        module.of(one.field).weight.copy_(weigh(losses))
