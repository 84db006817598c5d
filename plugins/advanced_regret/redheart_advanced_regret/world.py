"""The world model: what each act would bring in each state, whether it can be done, and which was chosen."""

from __future__ import annotations

import attrs
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from redheart_core.nn.attention import Attention, TransformerLayer
from redheart_core.nn.growing import grow_attention, grow_chain, grow_layers, grow_linear, grow_norm, grow_own
from redheart_core.nn.growing_axes import Axis
from redheart_core.nn.layers import mlp


@attrs.frozen(eq=False)
class Imagined:
    """A world in which each act is tried."""

    payoffs: Tensor
    """(B, A, S) in -1..1."""
    possible_logits: Tensor
    """(B, A)."""
    choice_logits: Tensor
    """(B, A); an act that cannot be done is not chosen."""


class World(nn.Module):
    """One branch per act, all by the same networks: the act reads the text, and is compared with the other acts.

    A linear layer per act and state stands beside the outcome network, so that the
    simple part of the payoffs is learnt from few records.

    Args:
        width: W.
        heads: Attention heads, a divisor of width.
        layers: Layers of comparison.
        acts: A.
        states: S.
        dropout: Share of activations dropped in training.
    """

    def __init__(self, *, width: int, heads: int, layers: int, acts: int, states: int, dropout: float) -> None:
        super().__init__()
        third = width // 3
        self.acts = nn.Parameter(torch.empty(acts, width))
        nn.init.uniform_(self.acts, -(3**0.5), 3**0.5)  # of variance one
        self.shape = acts, states
        self.norm = nn.LayerNorm(width)
        self.reading = Attention(width, width, width, heads)
        self.comparison = nn.ModuleList(TransformerLayer(width, heads, 2 * width, dropout) for _ in range(layers))
        self.imagined = nn.LayerNorm(width)
        self.outcome = mlp(width, width, width * 2 // 3, states, dropout=dropout)
        self.direct = nn.Linear(width, acts * states)
        self.possible = mlp(width, third, 1)
        # without a last bias, which would be the same for every act and cancel in the softmax
        self.choice = nn.Sequential(
            nn.Linear(width, third), nn.LayerNorm(third), nn.GELU(), nn.Linear(third, 1, bias=False)
        )

    def forward(self, state: Tensor, sequence: Tensor, mask: Tensor) -> Imagined:
        """What is known (B, W), and chunks (B, T, W), to a world."""
        branches = state.unsqueeze(1) + self.acts
        branches = branches + self.reading(self.norm(branches), sequence, mask)
        everyone = mask.new_ones(branches.shape[:2])
        for layer in self.comparison:
            branches = layer(branches, everyone)
        branches = self.imagined(branches)
        possible = self.possible(branches).squeeze(-1)
        return Imagined(
            payoffs=(self.outcome(branches) + self.direct(state).view(state.shape[0], *self.shape)).tanh(),
            possible_logits=possible,
            choice_logits=self.choice(branches).squeeze(-1) + F.logsigmoid(possible),
        )

    def grow_from(self, smaller: World, state: Axis, sequence: Axis) -> None:
        """Take over what a smaller one computes, of a state whose units are repeated."""
        grow_own(self, smaller, state)
        grow_attention(self.reading, smaller.reading, grow_norm(self.norm, smaller.norm, state), sequence, state)
        grow_layers(self.comparison, smaller.comparison, state)
        branches = grow_norm(self.imagined, smaller.imagined, state)
        grow_linear(self.direct, smaller.direct, state, Axis.same(self.direct.out_features))
        for name in ("outcome", "possible", "choice"):
            grow_chain(self.get_submodule(name), smaller.get_submodule(name), branches)
