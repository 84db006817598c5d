"""The map of emotions to valence and arousal."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from redheart_emotion_dsp.constants import POINTS

ORIGIN = (0.0, 0.0)
"""Of an emotion without a source."""


class ValenceArousal(nn.Module):
    """Shares of emotions to the mean of their points: (..., L) to (..., 2), each -1..1.

    Points are Russell and Mehrabian's (1977) means by name. An emotion that is not among their terms here, such as
    trust, stands at the origin: it has no source. Nothing is learnt, as learnt points changed no answer.
    """

    points: Tensor
    """Valence and arousal of each emotion, (L, 2)."""

    def __init__(self, labels: Sequence[str]) -> None:
        super().__init__()
        points = torch.tensor([POINTS.get(label, ORIGIN) for label in labels])
        self.register_buffer("points", points, persistent=False)

    def forward(self, shares: Tensor) -> Tensor:
        return shares @ self.points
