"""What every fusion of answers does, whatever its weights: it stacks the answers on a field, and makes one of them."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import torch
from torch import Tensor

from redheart_core.contract.fields import Field
from redheart_core.contract.nodes import BuildContext
from redheart_core.nn.answers import LEAST, from_probabilities, from_values, is_values, text_fields


@attrs.frozen
class Gathered:
    """A field, and the inputs that answer it."""

    field: Field
    names: tuple[str, ...]
    """Each "node.output"."""

    def stacked(self, read: Callable[[str], Tensor]) -> Tensor:
        """The answers of the M members on B records, (M, B, L); a field without labels has L = 1.

        Args:
            read: A name to its answer (B, *shape): inputs.__getitem__ in forward, FitPart.output in a fit.
        """
        members = torch.stack([read(name) for name in self.names])
        return members if self.field.labels else members.unsqueeze(-1)


def gathered_fields(context: BuildContext) -> tuple[Gathered, ...]:
    """What a node with learns_any = text_answers and gathers_any fuses."""
    return tuple(Gathered(field, context.gathered(name)) for name, field in text_fields(context).items())


def fused(field: Field, mixed: Tensor) -> dict[str, Tensor]:
    """A mixture (B, L) to the outputs of a field.

    Values are cut off at the ends of its range; probabilities keep the distance LEAST from 0, and those of 0/1 labels
    from 1; distributions and shares are divided by their sum.
    """
    if is_values(field):
        return from_values(field, mixed)
    return from_probabilities(field, mixed.clamp(LEAST, 1 - LEAST if field.binary else None))
