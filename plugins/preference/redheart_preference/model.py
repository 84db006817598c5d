"""A number for each act, and the two of a pair as probabilities.

Shapes: B records, D numbers of an act's vector, K acts that were learnt from.
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

    def __init__(self, acts: int, width: int, half: bool = False) -> None:
        super().__init__()
        dtype = torch.float16 if half else torch.float32
        self.acts = nn.Parameter(torch.zeros(acts, width, dtype=dtype), requires_grad=False)
        """Vectors of length 1; those that are not used are 0 and have the weight 0."""
        self.weights = nn.Parameter(torch.zeros(acts), requires_grad=False)
        self.sharpness = nn.Parameter(torch.ones(()), requires_grad=False)

    def forward(self, vectors: Tensor) -> Tensor:
        near = F.normalize(vectors, dim=-1) @ self.acts.float().T
        return torch.exp(self.sharpness * (near - 1.0)) @ self.weights


class Preference(nn.Module):
    """The numbers of both acts, and what they say of the votes.

    The probability of a pair depends on the difference of its numbers alone, so that acts have one order whatever pairs
    are asked for, and exchanging the acts of a pair exchanges the two probabilities to the last bit. These sum to 1
    exactly.
    """

    def __init__(self, acts: int, width: int, half: bool = False, validation: bool = False) -> None:
        """Make one.

        Args:
            acts: K.
            width: D.
            half: Whether vectors are kept as 16-bit numbers.
            validation: Whether the validation pairs are learnt from too. For the fit alone.
        """
        super().__init__()
        self.validation = validation
        self.blame = Blame(acts, width, half)

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
