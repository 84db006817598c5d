"""The decomposition network: ten paths, and the four parts that are sums of them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from redheart_advanced_surd.paths import MEMBERS, PART_OF_PATH, PARTS, PATHS
from redheart_core.nn.parallel import ParallelMlp


class Decomposition(nn.Module):
    """A network for each path and one for each part, whose evidence adds up: (B, W) to the logits of PATHS (B, 10).

    Args:
        width: W of the causal features.
        dropout: Share of activations dropped in training.
    """

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        half = width // 2
        self.paths = ParallelMlp(len(PATHS), width, half, width // 4, 1, dropout=dropout)
        self.parts = ParallelMlp(len(PARTS), width, width, half, 1, dropout=dropout)

    def forward(self, features: Tensor) -> Tensor:
        paths, parts = self.paths(features).squeeze(-1), self.parts(features).squeeze(-1)
        return paths + parts[:, list(PART_OF_PATH)]  # type: ignore[no-any-return] # nn.Module.__call__ gives Any


def part_logits(paths: Tensor) -> Tensor:
    """Logits of PARTS whose softmax is the sum of the paths' softmax over each part: (B, 10) to (B, 4)."""
    return torch.stack([paths[:, list(members)].logsumexp(-1) for members in MEMBERS], -1)
