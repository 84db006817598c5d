"""A number for each act, and the two of a pair as probabilities.

Shapes: B records, D numbers of an act's vector.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SURE = 1.0 - 2.0**-20
"""The largest probability, so that votes for the other act have a finite loss."""


class Blame(nn.Module):
    """How little ethical an act is, (B, D) to (B,), in logits up to a constant: a sum of Gaussian bumps at known acts.

    Its parts are set by a fit and get no gradient.
    """

    def __init__(self, acts: int, width: int, directions: int, half: bool = False) -> None:
        super().__init__()
        dtype, kept = torch.float16 if half else torch.float32, min(directions, width)
        self.mean = nn.Parameter(torch.zeros(width, dtype=dtype), requires_grad=False)
        self.directions = nn.Parameter(torch.eye(width, kept, dtype=dtype), requires_grad=False)
        self.acts = nn.Parameter(torch.zeros(acts, kept, dtype=dtype), requires_grad=False)
        """In these directions, of length 1; those that are not used are 0 and have the weight 0."""
        self.weights = nn.Parameter(torch.zeros(acts), requires_grad=False)
        self.sharpness = nn.Parameter(torch.ones(()), requires_grad=False)

    def forward(self, vectors: Tensor) -> Tensor:
        return torch.exp(self.sharpness * (self.placed(vectors) @ self.acts.float().T - 1.0)) @ self.weights

    def placed(self, vectors: Tensor) -> Tensor:
        """Vectors (B, D) less the mean one, in the directions (B, K) in which acts are compared, of length 1."""
        apart = F.normalize(vectors, dim=-1) - self.mean.to(vectors.dtype)
        return F.normalize(apart @ self.directions.to(vectors.dtype), dim=-1)


class Preference(nn.Module):
    """The numbers of both acts, and what they say of the votes.

    The probability of a pair depends on the difference of its numbers alone, so that acts have one order whatever pairs
    are asked for, and exchanging the acts of a pair exchanges the two probabilities to the last bit. These sum to 1
    exactly.
    """

    def __init__(self, acts: int, width: int, directions: int, half: bool = False, validation: bool = False) -> None:
        """Make one.

        Args:
            acts: Room for so many that were learnt from.
            width: D.
            directions: In which acts are compared, at most.
            half: Whether vectors are kept as 16-bit numbers.
            validation: Whether the validation pairs are learnt from too. For the fit alone.
        """
        super().__init__()
        self.validation = validation
        self.blame = Blame(acts, width, directions, half)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        first, second = self.blame(inputs["first_act"]), self.blame(inputs["second_act"])
        difference = first - second
        larger = difference.abs().sigmoid().clamp(max=SURE)
        smaller = 1.0 - larger  # exact, as the larger one is at least a half (Sterbenz 1974)
        chance = torch.where(difference >= 0, larger, smaller)
        other = torch.where(difference >= 0, smaller, larger)
        return {
            "less_ethical": torch.stack([chance, other], -1),
            "less_ethical_logits": torch.stack([first, second], -1),
        }
