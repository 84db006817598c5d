"""Fields as numbers beside a text: enlarged for a network, and a linear path from both."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from redheart_core.contract.tensors import fill_missing_input
from redheart_core.nn.chunks import masked_mean

FACT_GAIN = 8.0
"""Numbers of a field spread by about a quarter; what they are put beside spreads by one or two."""
TEXT_GAIN = 0.3
"""The linear path takes the text this much smaller than normalised, so that a step of AdamW, which moves all weights
alike, does not move its result by more than it should."""
INNERMOST = 0.95
"""Affect is pulled in to this size before it becomes unbounded, as artanh has no value at 1."""


def unbounded(affect: Tensor) -> Tensor:
    """Affect in -1..1 to any number, so that tanh takes it back."""
    return affect.clamp(-INNERMOST, INNERMOST).atanh()


def with_presence(field: Tensor) -> Tensor:
    """A field's numbers, enlarged, 0 where missing, and beside them which are there: (..., L) to (..., 2 L)."""
    values, present = fill_missing_input(field)
    return torch.cat([FACT_GAIN * values, present.to(values.dtype)], -1)


class LinearPath(nn.Module):
    """What a ridge regression would see, the mean chunk (B, D) and facts (B, ..., F) to (B, ..., out); 0 at the start.

    A module of many layers on few records would have to find the linear part again.
    """

    def __init__(self, width_in: int, facts: int, width_out: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.text = nn.Linear(width_in, width_out, bias=False)
        self.facts = nn.Linear(facts, width_out)
        for start in self.parameters():
            nn.init.zeros_(start)

    def forward(self, embedding: Tensor, mask: Tensor, facts: Tensor) -> Tensor:
        mean = TEXT_GAIN * F.layer_norm(masked_mean(embedding, mask), embedding.shape[-1:])
        by_text: Tensor = self.text(self.dropout(mean))
        by_facts: Tensor = self.facts(facts)
        return by_facts + (by_text if facts.dim() == 2 else by_text.unsqueeze(1))
