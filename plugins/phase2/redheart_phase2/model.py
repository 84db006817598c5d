"""Phase 2: persons show what they feel as their culture has it, and are pooled into a community."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from redheart_core.contract.tensors import fill_missing_input
from redheart_core.nn.attention import AttentionPooling, TransformerLayer
from redheart_core.nn.chunks import masked_mean, present_first
from redheart_core.nn.facts import FACT_GAIN, LinearPath, unbounded, with_presence
from redheart_core.nn.growing import (
    features_read,
    grow_chain,
    grow_layers,
    grow_linear,
    grow_own,
    grow_pooling,
    grow_same,
)
from redheart_core.nn.growing_axes import Axis
from redheart_core.nn.layers import mlp, trunk
from redheart_core.nn.parallel import ParallelMlp

AFFECTS = 6
DAMPING = ((0.5, 0.0, 0.3), (0.5, 0.0, 0.3), (0.0, 0.3, 0.3), (0.0, 0.0, 0.3), (0.0, 0.0, 0.3), (0.0, 0.0, 0.3))
"""How much full suppression, harmony and indirectness take off each affect: suppression half of
valence and arousal, harmony 30 % of dominance, indirectness 30 % of the intensity, which is of all affects."""
CULTURES = ((0.7, 0.9, 0.8), (0.3, 0.4, 0.2), (0.6, 0.8, 0.7), (0.5, 0.6, 0.5))
"""Suppression, harmony and indirectness at the start: chosen by hand for Korean and Western; Eastern lies near
Korean, and global between."""
LEADER = 0.3
"""Share of the leader in the community at the start."""
RESERVE = 0.3
"""Share of everything that a person of no expressiveness holds back, at the start."""
SHARPNESS = 10.0
"""How sharply the one of most status and influence is taken for the leader at the start."""


def gathered(there: Tensor, persons: Tensor) -> tuple[Tensor, Tensor]:
    """Persons who are there first, in their order, and no more places than the largest set of the batch needs.

    (B, P) bool and (B, P, F) to the same with fewer places. Who is missing then takes part in no sum, so that more
    missing persons do not change the last bit.
    """
    largest = there.sum(1).max().item()
    order = present_first(there)[:, :largest]
    return there.gather(1, order), persons.gather(1, order.unsqueeze(-1).expand(-1, -1, persons.shape[-1]))


class Expression(nn.Module):
    """What of an affect shows, by culture and person: (B, P, 6) to the same, none larger than before.

    An unexpressive person holds back a share of everything, RESERVE at the start.
    """

    def __init__(self) -> None:
        super().__init__()
        self.restraint = nn.Parameter(torch.tensor(CULTURES).logit())
        self.reserve = nn.Parameter(torch.tensor(RESERVE).logit())

    def forward(self, affect: Tensor, culture: Tensor, expressiveness: Tensor) -> Tensor:
        """Hold back.

        Args:
            affect: (B, P, 6).
            culture: (B, P, C), shares that sum to one.
            expressiveness: (B, P), 0..1.
        """
        restraint = culture @ self.restraint.sigmoid()
        kept = (1 - restraint.unsqueeze(-2) * restraint.new_tensor(DAMPING)).prod(-1)
        return affect * kept * (1 - self.reserve.sigmoid() * (1 - expressiveness)).unsqueeze(-1)


class Voices(nn.Module):
    """Weight of each person in the community: by status and influence, with a share for the leader.

    Persons count by status + influence to a learned power, 1 at the start; the leader is the one of the most, by
    degrees.
    """

    def __init__(self) -> None:
        super().__init__()
        self.power = nn.Parameter(torch.tensor(1.0))
        self.log_sharpness = nn.Parameter(torch.tensor(SHARPNESS).log())
        self.leader = nn.Parameter(torch.tensor(LEADER).logit())

    def forward(self, rank: Tensor, there: Tensor) -> Tensor:
        """Rank (B, P), status + influence, above 0, and who is there (B, P) bool to weights (B, P) that sum to one."""
        voices = (self.power * rank.log()).masked_fill(~there, float("-inf")).softmax(-1)
        leads = (self.log_sharpness.exp() * rank).masked_fill(~there, float("-inf")).softmax(-1)
        return torch.lerp(voices, leads, self.leader.sigmoid())


class Phase2(nn.Module):
    """Affect of a community after an event.

    The self is a member like the others, of whom neither traits nor culture are known. What is not known of a person,
    the network supposes.

    Args:
        width_in: D of the embedding.
        traits: Number of traits of a person.
        places: Places of status, influence and expressiveness among them.
        width: Width of a person; all others are fixed ratios of it.
        heads: Attention heads, a divisor of width.
        layers: Attention layers over the persons.
        dropout: Share of activations dropped in training.
    """

    def __init__(
        self,
        *,
        width_in: int,
        traits: int,
        places: tuple[int, int, int],
        width: int,
        heads: int,
        layers: int,
        dropout: float,
    ) -> None:
        super().__init__()
        half, cultures = width // 2, len(CULTURES)
        facts = 2 * (AFFECTS + traits + cultures) + 1  # and the mark of the self
        self.places, self.sizes = list(places), [AFFECTS, traits, cultures]
        self.reader = trunk(width_in, 2 * width, width, dropout=dropout)
        self.pool = AttentionPooling(width, width // 4)
        self.person = trunk(width + facts, 2 * width, width, dropout=dropout)
        self.culture = ParallelMlp(cultures, width, half, width, dropout=dropout)
        self.society = nn.ModuleList(TransformerLayer(width, heads, 2 * width, dropout) for _ in range(layers))
        self.supposed = nn.Linear(width, 3 + cultures)
        self.feeling = mlp(width, half, AFFECTS + 1, dropout=dropout)
        self.linear = LinearPath(width_in, facts, AFFECTS, dropout)
        self.expression = Expression()
        self.voices = Voices()
        self.trust = nn.Parameter(torch.ones(AFFECTS))
        self.residual = mlp(2 * width, half, AFFECTS, dropout=dropout)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Embedding (B, T, D), self (B, 6), others (B, P, ...) to "community" (B, 6) and "consensus" (B,)."""
        embedding, mask = inputs["embedding"], inputs["mask"]
        there, fields = self._members(inputs)
        before, traits, culture = torch.split(fields, self.sizes, -1)
        mark = torch.zeros_like(before[..., :1])
        mark[:, 0] = FACT_GAIN
        facts = torch.cat([with_presence(before), with_presence(traits), with_presence(culture), mark], -1)

        text = self.pool(self.reader(embedding), mask).squeeze(1)
        state = F.gelu(self.person(torch.cat([text.unsqueeze(1).expand(-1, facts.shape[1], -1), facts], -1)))
        supposed, culture_supposed = self.supposed(state).split([3, len(CULTURES)], -1)
        culture = torch.where(culture.isnan(), culture_supposed.softmax(-1), culture)
        ways = self.culture(state.flatten(0, 1)).unflatten(0, state.shape[:2])
        state = state + torch.einsum("bpc,bpcw->bpw", culture, ways)
        for layer in self.society:
            state = layer(state, there)

        drive, way = self.feeling(state).split([AFFECTS, 1], -1)
        feeling = torch.tanh(drive + self.linear(embedding, mask, facts))
        felt = torch.lerp(fill_missing_input(before)[0], feeling, way.sigmoid())
        known = traits[..., self.places]
        status, influence, expressiveness = torch.where(known.isnan(), supposed.sigmoid(), known).unbind(-1)
        shown = self.expression(felt, culture, expressiveness)
        # a person of neither status nor influence still counts a little, and has a logarithm
        voice = (self.voices(status + influence + 0.01, there).unsqueeze(-1) * shown).sum(1)

        rest = self.residual(torch.cat([text, masked_mean(state, there)], -1))
        community = torch.tanh(self.trust * unbounded(voice) + rest)
        return {"community": community, "consensus": consensus(shown, community, there)}

    def grow_from(self, smaller: Phase2) -> None:
        """Take over what a smaller one computes, with persons whose units are repeated."""
        persons = Axis.repeated(smaller.supposed.in_features, self.supposed.in_features)
        grow_own(self, smaller)
        for name in ("linear", "expression", "voices"):
            grow_same(self.get_submodule(name), smaller.get_submodule(name))
        text = grow_chain(self.reader, smaller.reader, features_read(self.reader, smaller.reader))
        grow_pooling(self.pool, smaller.pool, text)
        facts = Axis.same(self.linear.facts.in_features)
        grow_chain(self.person, smaller.person, Axis.joined(text, facts), persons)
        grow_chain(self.culture, smaller.culture, persons, persons)
        grow_layers(self.society, smaller.society, persons)
        grow_linear(self.supposed, smaller.supposed, persons, Axis.same(self.supposed.out_features))
        grow_chain(self.feeling, smaller.feeling, persons)
        grow_chain(self.residual, smaller.residual, Axis.joined(text, persons))

    def _members(self, inputs: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Who is there, (B, 1 + P), the self first, and their fields side by side, (B, 1 + P, F), NaN where missing."""
        others = torch.cat([inputs[f"others_{name}"] for name in ("before", "traits", "culture")], -1)
        there, others = gathered((~inputs["others_before"].isnan()).any(-1), others)
        own = F.pad(inputs["self_before"], (0, sum(self.sizes[1:])), value=float("nan")).unsqueeze(1)
        return torch.cat([there.new_ones(there.shape[0], 1), there], 1), torch.cat([own, others], 1)


def consensus(shown: Tensor, community: Tensor, there: Tensor) -> Tensor:
    """One less the mean distance of the persons from the community, over the largest there is: (B,) in 0..1.

    Two corners of a cube of side 2 in 6 dimensions are 2 sqrt(6) apart.
    """
    distance = torch.linalg.vector_norm(shown - community.unsqueeze(1), dim=-1)
    apart: Tensor = masked_mean(distance.unsqueeze(-1), there).squeeze(-1) / (2 * AFFECTS**0.5)
    return 1 - apart
