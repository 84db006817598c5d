"""A member: random features of the embedding, and a linear map of them for each field.

Shapes: B records, T chunks, D embedding, F cosines, L raw numbers of a field's answer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from redheart_core import Field
from redheart_core.nn.answers import LEAST, finish, from_values, is_values, size_of
from redheart_core.nn.chunks import masked_mean
from redheart_core.nn.named import Named


class RandomFeatures(nn.Module):
    """Centred numbers of variance 1 in all, and cosines of random directions of them: (B, D) to (B, D + F).

    Sums of products of the cosines approximate the kernel exp(-|x - y|^2 / 2) (Rahimi and Recht 2007).
    """

    centre: Tensor
    spread: Tensor
    directions: Tensor
    phases: Tensor

    def __init__(self, width: int, features: int) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(width))
        self.register_buffer("spread", torch.ones(()))
        self.register_buffer("directions", torch.randn(width, features))
        self.register_buffer("phases", torch.rand(features) * 2 * math.pi)

    def forward(self, numbers: Tensor) -> Tensor:
        centred = (numbers - self.centre) / self.spread
        cosines = (centred @ self.directions + self.phases).cos() * math.sqrt(2 / len(self.phases))
        return torch.cat([centred, cosines], -1)

    def standardise(self, numbers: Tensor) -> None:
        """Take over the mean of records, and the root of their variance summed over the numbers; 1 if all are equal."""
        centre = numbers.double().mean(0)
        spread = (numbers.double() - centre).square().sum(1).mean().sqrt()
        self.centre.copy_(centre)
        self.spread.copy_(torch.where(spread > 0, spread, 1.0))


class Correction(nn.Module):
    """Features (B, D + F) to raw numbers (B, L), or to what is added to those of a lower node.

    Attributes:
        weight: (D + F + 2, L), set by a fit, without gradient: a row per feature, the intercept, and how far to go.
        start: (L,) the raw numbers of a constant answer; zeros where a lower node gives the start.
    """

    start: Tensor

    def __init__(self, features: int, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(features + 2, size), requires_grad=False)
        self.register_buffer("start", torch.zeros(size))

    def forward(self, features: Tensor) -> Tensor:
        *_, intercept, step = self.weight
        raw: Tensor = (features @ self.weight[:-2] + intercept) * step + self.start
        return raw


class Member(nn.Module):
    """One correction per field, of a constant or of a lower node's answer.

    Args:
        width: D.
        features: F.
        fields: The fields to answer.
        below: Field to the input that it starts from; none starts from a constant.

    Attributes:
        seed: What a bootstrap sample is drawn with; of the member's own, like its features.
    """

    seed: Tensor

    def __init__(self, width: int, features: int, fields: Sequence[Field], below: Mapping[str, str]) -> None:
        super().__init__()
        self.fields, self.below = tuple(fields), dict(below)
        self.features = RandomFeatures(width, features)
        self.register_buffer("seed", torch.randint(2**62, ()))
        self.corrections = Named({field.name: Correction(width + features, size_of(field)) for field in fields})

    def correction(self, field: Field) -> Correction:
        """That of a field."""
        found = self.corrections[field.name]
        assert isinstance(found, Correction)
        return found

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """The outputs that the plugin declares for its fields."""
        features = self.features(masked_mean(inputs["embedding"], inputs["mask"]))
        outputs: dict[str, Tensor] = {}
        for field in self.fields:
            raw = self.correction(field)(features)
            if field.name in self.below:
                raw = raw + raw_numbers(field, inputs[self.below[field.name]])
            outputs |= finish_raw(field, raw)
        return outputs


def raw_numbers(field: Field, answer: Tensor) -> Tensor:
    """An answer (B, *shape) to raw numbers (B, L): values in units of the range from its low end, or logits."""
    numbers = answer if field.labels else answer.unsqueeze(-1)
    if is_values(field):
        return (numbers - field.low) / (field.high - field.low)
    kept = numbers.clamp(LEAST, 1 - LEAST)
    return kept.logit() if field.binary else kept.log()


def finish_raw(field: Field, raw: Tensor) -> dict[str, Tensor]:
    """Raw numbers (B, L) to the outputs of a field."""
    if is_values(field):
        return from_values(field, field.low + (field.high - field.low) * raw)
    return finish(field, raw.float())
