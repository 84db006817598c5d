"""The views of self, other and community, blended by a learned share each."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from redheart_core.contract.tensors import fill_missing_input
from redheart_core.nn.chunks import masked_mean
from redheart_core.nn.facts import FACT_GAIN, LinearPath, with_presence
from redheart_core.nn.growing import features_read, grow_chain, grow_same
from redheart_core.nn.growing_axes import Axis
from redheart_core.nn.layers import mlp, trunk

VIEWS = 3
"""Self, other, community."""


class View(nn.Module):
    """One view: its affect goes a share of the way to what the event makes one feel, (B, 6) to (B, 6) in -1..1."""

    def __init__(self, affects: int, width: int, hidden: int) -> None:
        super().__init__()
        self.sizes = [affects, 1]
        self.move = mlp(width + affects, hidden, affects + 1)

    def forward(self, affect: Tensor, state: Tensor, drive: Tensor) -> Tensor:
        """Affect (B, 6), state (B, W) and the drive that all views share (B, 6), unbounded."""
        own, way = torch.split(self.move(torch.cat([FACT_GAIN * affect, state], -1)), self.sizes, -1)
        return torch.lerp(affect, torch.tanh(own + drive), way.sigmoid())

    def grow_from(self, smaller: View, state: Axis) -> None:
        """Take over what a smaller one computes."""
        grow_chain(self.move, smaller.move, Axis.joined(Axis.same(self.sizes[0]), state))


class Hierarchical(nn.Module):
    """Affect of the self after an event, as a blend of what the views of self, other and community lead to.

    Args:
        width_in: D of the embedding.
        affects: Dimensions of the affect space.
        width: Width of a chunk that has been read; all others are fixed ratios of it.
        dropout: Share of activations dropped in training.
    """

    def __init__(self, width_in: int, affects: int, width: int, dropout: float) -> None:
        super().__init__()
        half, quarter = width // 2, width // 4
        facts = 5 * affects + 2  # self with presence, projection, others, community; regret and consensus
        self.affects = affects
        self.reader = trunk(width_in, width, dropout=dropout)
        self.state = trunk(width + facts, width, half, dropout=dropout)
        self.drive = mlp(half, half, affects, dropout=dropout)
        self.linear = LinearPath(width_in, facts, affects, dropout)
        self.views = nn.ModuleList(View(affects, half, quarter) for _ in range(VIEWS))
        self.share = mlp(half, half, VIEWS * affects)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Fields and what the phases say of them to "self_after" (B, 6) and "shares" (B, 3, 6)."""
        embedding, mask = inputs["embedding"], inputs["mask"]
        projection, community = inputs["phase0.projection"], inputs["phase2.community"]
        regret, consensus = inputs["phase1.regret"].unsqueeze(-1), inputs["phase2.consensus"].unsqueeze(-1)
        other = _mean_of_others(inputs["phase1.others_after"], inputs["others_before"])
        heard = FACT_GAIN * torch.cat([projection, other, community, regret, consensus], -1)
        facts = torch.cat([with_presence(inputs["self_before"]), heard], -1)
        text = masked_mean(self.reader(embedding), mask)
        state = F.gelu(self.state(torch.cat([text, facts], -1)))

        drive = self.drive(state) + self.linear(embedding, mask, facts)
        affects = (fill_missing_input(inputs["self_before"])[0], (projection + other) / 2, community)
        views = [view(affect, state, drive) for view, affect in zip(self.views, affects, strict=True)]
        scores = self.share(state).unflatten(-1, (VIEWS, self.affects))
        # agreement turns the mind to the community
        turn = torch.cat([consensus.new_zeros(consensus.shape[0], VIEWS - 1), consensus], 1)
        shares = (scores + turn.unsqueeze(-1)).softmax(1)
        return {"self_after": (shares * torch.stack(views, 1)).sum(1), "shares": shares}

    def grow_from(self, smaller: Hierarchical) -> None:
        """Take over what a smaller one computes."""
        text = grow_chain(self.reader, smaller.reader, features_read(self.reader, smaller.reader))
        facts = Axis.same(self.linear.facts.in_features)
        state = grow_chain(self.state, smaller.state, Axis.joined(text, facts))
        grow_chain(self.drive, smaller.drive, state)
        grow_same(self.linear, smaller.linear)
        for view, old in zip(self.views, smaller.views, strict=True):
            assert isinstance(view, View)
            assert isinstance(old, View)
            view.grow_from(old, state)
        grow_chain(self.share, smaller.share, state)


def _mean_of_others(after: Tensor, before: Tensor) -> Tensor:
    """Mean affect after the event (B, P, 6) of the others who are there, whose affect before is known: (B, 6)."""
    there = (~before.isnan()).any(-1)
    # a record without others is not evaluated; its first place is taken so that nothing is divided by zero
    there = torch.cat([there[:, :1] | ~there.any(1, keepdim=True), there[:, 1:]], 1)
    return masked_mean(after, there)
