"""Networks of one agent: actor, critics, and the targets that follow them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

SMALL = 3e-3
"""Bound of the weights that the output begins with."""


class Layers(nn.Module):
    """Hidden layers with ReLU, with layer norm if wanted, and a linear output.

    The norm keeps inputs of any unit in range, and bounds what a critic extrapolates to.
    """

    def __init__(self, inputs: int, outputs: int, width: int, depth: int, norm: bool) -> None:
        super().__init__()
        sizes = [inputs, *[width] * depth]
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.norms = nn.ModuleList(nn.LayerNorm(width) if norm else nn.Identity() for _ in range(depth))
        self.out = nn.Linear(width, outputs)
        nn.init.uniform_(self.out.weight, -SMALL, SMALL)  # small first answers (Lillicrap et al. 2016, section 7)
        nn.init.uniform_(self.out.bias, -SMALL, SMALL)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs) to (B, outputs)."""
        for layer, norm in zip(self.hidden, self.norms, strict=True):
            x = torch.relu(norm(layer(x)))
        return self.out(x)  # type: ignore[no-any-return]


class Networks(nn.Module):
    """All networks of an agent."""

    def __init__(
        self, observed: int, acted: int, judged: int, width: int, depth: int, critics: int, norm: bool
    ) -> None:
        super().__init__()
        self.actor = Layers(observed, acted, width, depth, norm)
        self.critics = nn.ModuleList(Layers(judged, 1, width, depth, norm) for _ in range(critics))
        self.target_actor = Layers(observed, acted, width, depth, norm)
        self.target_critics = nn.ModuleList(Layers(judged, 1, width, depth, norm) for _ in range(critics))
        self.following = tuple(self.pairs())
        for learnt, target in self.following:
            target.data.copy_(learnt.data)
            target.requires_grad_(False)

    def pairs(self) -> Iterator[tuple[nn.Parameter, nn.Parameter]]:
        """Every learnt parameter and the one that follows it."""
        yield from zip(self.actor.parameters(), self.target_actor.parameters(), strict=True)
        yield from zip(self.critics.parameters(), self.target_critics.parameters(), strict=True)

    def values(self, seen: Sequence[Tensor], *, target: bool = False) -> Tensor:
        """(critics, B): what each critic says of observations and actions."""
        together = torch.cat(list(seen), 1)
        return torch.stack(
            [critic(together).squeeze(1) for critic in (self.target_critics if target else self.critics)]
        )

    def first_value(self, seen: Sequence[Tensor]) -> Tensor:
        """(B,): what the first critic says, from which the actor learns."""
        value: Tensor = self.critics[0](torch.cat(list(seen), 1))
        return value.squeeze(1)

    def follow(self, tau: float) -> None:
        """Targets take over a share of what was learnt: target + tau (learnt - target)."""
        for learnt, target in self.following:
            target.lerp_(learnt, tau)
