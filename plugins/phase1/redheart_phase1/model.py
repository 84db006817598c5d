"""Phase 1: what the self expects of each other, corrected by the error of that and by regret."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from redheart_core.contract.tensors import fill_missing_input
from redheart_core.nn.attention import AttentionPooling
from redheart_core.nn.chunks import masked_mean
from redheart_core.nn.facts import FACT_GAIN, LinearPath, unbounded, with_presence
from redheart_core.nn.growing import features_read, grow_chain, grow_linear, grow_own, grow_pooling, grow_same
from redheart_core.nn.growing_axes import Axis
from redheart_core.nn.layers import mlp, trunk

UPDATES = 10.0
"""Updates of the delta rule that one pass stands for, as a rate of 0.1 is meant for many episodes."""


class Regret(nn.Module):
    """How much there is to regret, 0..1: (B,) from the text and the projection.

    A narrow path of its own beside a linear one, both with twice the dropout: a text says so little about regret that
    wider layers overfit the training records.
    """

    def __init__(self, width_in: int, affects: int, width: int, dropout: float) -> None:
        super().__init__()
        twice = min(2 * dropout, 0.5)
        self.reader = trunk(width_in, width, dropout=twice)
        self.pool = AttentionPooling(width, width)
        self.last = nn.Sequential(nn.Dropout(twice), nn.Linear(width, 1))
        self.linear = LinearPath(width_in, affects, 1, twice)

    def forward(self, embedding: Tensor, mask: Tensor, projection: Tensor) -> Tensor:
        read = self.last(self.pool(self.reader(embedding), mask).squeeze(1))
        return (read + self.linear(embedding, mask, FACT_GAIN * projection)).squeeze(-1).sigmoid()  # type: ignore[no-any-return] # nn.Module.__call__ gives Any

    def grow_from(self, smaller: Regret) -> None:
        """Take over what a smaller one computes."""
        text = grow_chain(self.reader, smaller.reader, features_read(self.reader, smaller.reader))
        grow_pooling(self.pool, smaller.pool, text)
        grow_chain(self.last, smaller.last, text)
        grow_same(self.linear, smaller.linear)


class Strength(nn.Module):
    """How far to correct an expectation (Widrow and Hoff 1960): (B, P) in 0..1 from error, regret and context.

    signal = importance (0.5 error + 0.3 distance + 0.2 mismatch) and rate = 0.1 (1 + error)(1 + 2 regret)
    sigmoid((signal - 0.3) / slope): it learns from signals above 0.3, by degrees. These are
    the initial values; the state of a person decides importance in 0..2, 1 at the start, and the mismatch of its
    context in 0..1. UPDATES small ones at that rate leave 1 - exp(-UPDATES rate) of the way behind them.

    Args:
        width: W of a person's state.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.context = nn.Linear(width, 2)
        nn.init.zeros_(self.context.weight)
        nn.init.zeros_(self.context.bias)
        self.shares = nn.Parameter(torch.tensor([0.5, 0.3, 0.2]).log())
        self.threshold = nn.Parameter(torch.tensor(0.3))
        self.log_slope = nn.Parameter(torch.tensor(math.log(0.1)))
        self.log_rate = nn.Parameter(torch.tensor(math.log(0.1)))
        self.regret_gain = nn.Parameter(torch.tensor(2.0))

    def forward(self, state: Tensor, error: Tensor, distance: Tensor, regret: Tensor) -> Tensor:
        """Weigh.

        Args:
            state: (B, P, W).
            error: (B, P), mean distance of what is perceived from what was expected, 0..2.
            distance: (B, P), the same of the self's own feeling, 0..2.
            regret: (B,), 0..1.
        """
        importance, mismatch = self.context(state).sigmoid().unbind(-1)
        causes = torch.stack([error, distance, mismatch], -1)
        signal = 2 * importance * (causes @ self.shares.softmax(0))
        learns = ((signal - self.threshold) / self.log_slope.exp()).sigmoid()
        by_regret = 1 + self.regret_gain * regret.unsqueeze(-1)
        return -torch.expm1(-UPDATES * self.log_rate.exp() * (1 + error) * by_regret * learns)

    def grow_from(self, smaller: Strength, state: Axis) -> None:
        """Take over what a smaller one computes."""
        grow_own(self, smaller)
        grow_linear(self.context, smaller.context, state, Axis.same(self.context.out_features))


class Phase1(nn.Module):
    """Affect of each other after the event, and the regret that there is.

    The self expects of each other what it would feel itself, as far as they are alike, and perceives what the text
    tells of them. The expectation then goes towards the perception by the delta rule, after -= rate (after -
    perceived), so many times that its strength between 0 and 1 is 1 - exp(-UPDATES rate).

    The same network looks at each person, who is marked if it is the first: the projection is about that one.

    Args:
        width_in: D of the embedding.
        affects: Dimensions of the affect space.
        traits: Number of traits of a person.
        width: Width of a chunk that has been read; all others are fixed ratios of it.
        dropout: Share of activations dropped in training.
    """

    def __init__(self, *, width_in: int, affects: int, traits: int, width: int, dropout: float) -> None:
        super().__init__()
        half, quarter = width // 2, width // 4
        facts = 2 * (affects + traits) + affects + 1  # before and traits, projection, mark of the first
        self.affects = affects
        self.reader = trunk(width_in, width, dropout=dropout)
        self.blend = mlp(facts, quarter, 3 * affects)
        self.person = trunk(width + facts, width, half, dropout=dropout)
        self.perception = mlp(2 * half, half, affects, dropout=dropout)
        self.linear = LinearPath(width_in, facts, affects, dropout)
        self.regret = Regret(width_in, affects, max(width // 5, 4), dropout)
        self.strength = Strength(half)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Embedding (B, T, D), projection (B, 6), others (B, P, ...) to the outputs that the plugin declares."""
        embedding, mask, before = inputs["embedding"], inputs["mask"], inputs["others_before"]
        there = (~before.isnan()).any(-1)
        persons = before.shape[1]
        own = _for_each(inputs["phase0.projection"], persons)
        first = torch.zeros_like(before[..., :1])
        first[:, 0] = 1.0
        facts = torch.cat([with_presence(before), with_presence(inputs["others_traits"]), FACT_GAIN * own, first], -1)
        text = masked_mean(self.reader(embedding), mask)
        state = F.gelu(self.person(torch.cat([_for_each(text, persons), facts], -1)))
        everybody = (state * there.unsqueeze(-1)).sum(1) / there.sum(1, keepdim=True).clamp(min=1)

        keep, take, shift = self.blend(facts).split(self.affects, -1)
        expected = (1 + keep) * unbounded(fill_missing_input(before)[0]) + take * unbounded(own) + shift
        expectation = expected.tanh()
        noticed = self.perception(torch.cat([state, _for_each(everybody, persons)], -1))
        perceived = torch.tanh(noticed + self.linear(embedding, mask, facts))

        regret = self.regret(embedding, mask, inputs["phase0.projection"].detach())
        error = (perceived - expectation).abs().mean(-1)
        strength = self.strength(state, error, (own - expectation).abs().mean(-1), regret)
        return {
            "others_after": torch.lerp(expectation, perceived, strength.unsqueeze(-1)),
            "regret": regret,
            "expectation": expectation,
            "strength": strength,
        }

    def grow_from(self, smaller: Phase1) -> None:
        """Take over what a smaller one computes."""
        facts = Axis.same(self.linear.facts.in_features)
        text = grow_chain(self.reader, smaller.reader, features_read(self.reader, smaller.reader))
        grow_chain(self.blend, smaller.blend, facts)
        state = grow_chain(self.person, smaller.person, Axis.joined(text, facts))
        grow_chain(self.perception, smaller.perception, Axis.joined(state, state))
        grow_same(self.linear, smaller.linear)
        self.regret.grow_from(smaller.regret)
        self.strength.grow_from(smaller.strength, state)


def _for_each(x: Tensor, persons: int) -> Tensor:
    """(B, W) to (B, P, W)."""
    return x.unsqueeze(1).expand(-1, persons, -1)
