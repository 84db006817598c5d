"""Phase 0: the first other's affect calibrated for the self, and a learned rest."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from redheart_core.contract.tensors import fill_missing_input
from redheart_core.nn.attention import AttentionPooling
from redheart_core.nn.facts import LinearPath, unbounded, with_presence
from redheart_core.nn.growing import features_read, grow_chain, grow_linear, grow_own, grow_pooling, grow_same
from redheart_core.nn.growing_axes import Axis
from redheart_core.nn.layers import band, mlp, trunk

VALENCE, AROUSAL = 0, 1
"""Places in the affect space; training.build has checked the labels."""


class Calibration(nn.Module):
    """The calibration of an affect, with the influence of the context learnt from the state.

    Valence v becomes 2 / (1 + exp(-2 (v + b))) - 1, arousal a becomes m a, and the others x become f x. Here
    f = likeness (1 - 0.3 cultural distance)(0.5 + 0.5 similarity), clipped to 0.3..1.5; the cultural distance is one
    less the probability that the self lives in the other's culture. What is unknown of the other, culture or
    similarity, leaves its term at one. The state decides b, m in 0.5..2, likeness in 0..2 and the self's culture; at
    the start b = 0, m = 1, likeness = 1, and each culture is as likely as any other.

    Args:
        width: W of the state.
        cultures: Number of cultures.
    """

    def __init__(self, width: int, cultures: int) -> None:
        super().__init__()
        self.context = nn.Linear(width, 3 + cultures)
        nn.init.zeros_(self.context.weight)
        nn.init.zeros_(self.context.bias)
        self.shares = nn.Parameter(torch.tensor([0.3, 0.5]))

    def forward(self, state: Tensor, affect: Tensor, similarity: Tensor, culture: Tensor) -> tuple[Tensor, Tensor]:
        """Calibrate.

        Args:
            state: (B, W).
            affect: (B, 6), 0 where missing.
            similarity: (B,), NaN where missing.
            culture: (B, C), NaN where missing.

        Returns:
            The calibrated affect (B, 6), and bias, modifier and factor, (B, 3).
        """
        bias, modifier, likeness, own = self.context(state).split([1, 1, 1, culture.shape[-1]], -1)
        modifier = band(modifier, 0.5, 2.0)
        by_distance, by_similarity = self.shares.clamp(0.0, 1.0)
        culture, culture_known = fill_missing_input(culture)
        distance = 1 - (own.softmax(-1) * culture).sum(-1)
        near = 1 - by_distance * torch.where(culture_known.all(-1), distance, 0.0)
        alike = 1 - by_similarity * torch.where(similarity.isnan(), 0.0, 1 - similarity)
        factor = (2 * likeness.sigmoid() * (near * alike).unsqueeze(-1)).clamp(0.3, 1.5)
        valence = torch.tanh(affect[:, VALENCE : VALENCE + 1] + bias)  # equals 2 / (1 + exp(-2 (v + b))) - 1
        arousal = affect[:, AROUSAL : AROUSAL + 1] * modifier
        calibrated = torch.cat([valence, arousal, affect[:, AROUSAL + 1 :] * factor], -1)
        return calibrated, torch.cat([bias, modifier, factor], -1)

    def grow_from(self, smaller: Calibration, state: Axis) -> None:
        """Take over what a smaller one computes."""
        grow_own(self, smaller)
        grow_linear(self.context, smaller.context, state, Axis.same(self.context.out_features))


class Phase0(nn.Module):
    """Affect that the self would have in the place of the first other.

    First the self imagines what is felt there: it starts half way between its own affect and the other's, and goes a
    share of the way to what the text makes one feel. Then it calibrates that, and a learned rest is added.

    Args:
        width_in: D of the embedding.
        affects: Dimensions of the affect space.
        traits: Number of traits of a person.
        similarity: Place of the similarity among them.
        cultures: Number of cultures.
        width: Width of a chunk that has been read; all others are fixed ratios of it.
        dropout: Share of activations dropped in training.
    """

    def __init__(
        self, *, width_in: int, affects: int, traits: int, similarity: int, cultures: int, width: int, dropout: float
    ) -> None:
        super().__init__()
        self.affects, self.similarity = affects, similarity
        half, facts = width // 2, 2 * (2 * affects + traits + cultures)
        self.reader = trunk(width_in, width, dropout=dropout)
        self.pool = AttentionPooling(width, width // 4)
        self.state = trunk(width + facts, width, half, dropout=dropout)
        self.feeling = mlp(half, half, affects + 1, dropout=dropout)
        self.linear = LinearPath(width_in, facts, affects, dropout)
        self.calibration = Calibration(half, cultures)
        self.trust = nn.Parameter(torch.ones(affects))
        # no deeper, or the rest would learn the calibration over again
        self.residual = nn.Linear(half, affects)
        nn.init.zeros_(self.residual.weight)
        nn.init.zeros_(self.residual.bias)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Embedding (B, T, D), self (B, 6), others (B, P, ...) to "projection" (B, 6) and "calibration" (B, 3)."""
        embedding, mask = inputs["embedding"], inputs["mask"]
        other = {name: inputs[f"others_{name}"][:, 0] for name in ("before", "traits", "culture")}
        facts = torch.cat([with_presence(x) for x in (inputs["self_before"], *other.values())], -1)
        text = self.pool(self.reader(embedding), mask).squeeze(1)
        state = F.gelu(self.state(torch.cat([text, facts], -1)))

        start = (fill_missing_input(inputs["self_before"])[0] + fill_missing_input(other["before"])[0]) / 2
        drive, way = self.feeling(state).split([self.affects, 1], -1)
        feeling = torch.tanh(drive + self.linear(embedding, mask, facts))
        imagined = torch.lerp(start, feeling, way.sigmoid())
        calibrated, context = self.calibration(state, imagined, other["traits"][:, self.similarity], other["culture"])
        projection = torch.tanh(self.trust * unbounded(calibrated) + self.residual(state))
        return {"projection": projection, "calibration": context}

    def grow_from(self, smaller: Phase0) -> None:
        """Take over what a smaller one computes."""
        grow_own(self, smaller)
        grow_same(self.linear, smaller.linear)
        text = grow_chain(self.reader, smaller.reader, features_read(self.reader, smaller.reader))
        grow_pooling(self.pool, smaller.pool, text)
        facts = Axis.same(self.linear.facts.in_features)
        state = grow_chain(self.state, smaller.state, Axis.joined(text, facts))
        grow_chain(self.feeling, smaller.feeling, state)
        self.calibration.grow_from(smaller.calibration, state)
        grow_linear(self.residual, smaller.residual, state, Axis.same(self.affects))
