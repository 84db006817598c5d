"""The map of emotions to valence and arousal."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from redheart_emotion_dsp.constants import POINTS

REACH = 0.25
"""How far a sourced coordinate may move in each direction, so that the axes keep their meaning."""


class ValenceArousal(nn.Module):
    """Shares of emotions to the mean of their points: (..., L) to (..., 2), each -1..1.

    Points begin at Russell and Mehrabian's (1977) means by name. An emotion that is not among their terms here, such
    as trust, begins at the origin and is learnt over the whole range.
    """

    reach: Tensor
    source: Tensor

    def __init__(self, labels: Sequence[str]) -> None:
        super().__init__()
        source = torch.tensor([POINTS.get(label, (0.0, 0.0)) for label in labels])
        sourced = torch.tensor([label in POINTS for label in labels]).unsqueeze(-1)
        self.register_buffer("source", source, persistent=False)
        self.register_buffer("reach", torch.where(sourced, (1 - source.abs()).clamp(max=REACH), 1.0), persistent=False)
        self.shift = nn.Parameter(torch.zeros(len(labels), 2))

    @property
    def points(self) -> Tensor:
        """Valence and arousal of each emotion, (L, 2)."""
        return self.source + self.reach * self.shift.tanh()

    def forward(self, shares: Tensor) -> Tensor:
        return shares @ self.points
