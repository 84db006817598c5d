"""Ten dimensions and six layers out of a text, and the exact calculus over them."""

from __future__ import annotations

import math

import attrs
import torch
from torch import Tensor, nn

from redheart_advanced_bentham import calculus
from redheart_advanced_bentham.calculus import HIGHEST_LAYER, LAYERS, LOWEST_LAYER, Lot, Units
from redheart_advanced_bentham.readings import DIMENSIONS, CrossCultural, DeepEthics, SocialImpact, extent_of
from redheart_core.nn.chunks import masked_mean, with_positions
from redheart_core.nn.growing import features_read, grow_chain, grow_mixture, grow_norm, grow_same
from redheart_core.nn.growing_axes import Axis
from redheart_core.nn.layers import RecordDropout, band, mlp, trunk
from redheart_core.nn.parallel import Mixture

NEUTRAL = -math.log(math.log(HIGHEST_LAYER / LOWEST_LAYER) / -math.log(LOWEST_LAYER) - 1.0)
"""The u of which a layer 0.3 (2.5 / 0.3)^sigmoid(u) is 1: 0.273048330653."""
SMALL = 0.1
"""Factor on the last layers at the start."""
FEWEST_LOTS, MOST_LOTS = 0.1, 10.0


@attrs.frozen
class Parts:
    """What the data set has, by places in the order of CIRCUMSTANCES, BURDENS and LAYERS."""

    circumstances: tuple[int, ...]
    """Those with labels."""
    burdens: tuple[int, ...]
    layers: tuple[int, ...]
    """Those with labels."""
    predicted_layers: tuple[int, ...]
    utility_layers: tuple[int, ...]
    in_context: bool
    horizons: tuple[int, ...]
    """Days."""


@attrs.frozen(eq=False)
class Verdict:
    """All that the calculus is applied to."""

    lot: Lot
    """The mean pleasure or pain of the act, (B,) each."""
    lots: Tensor
    """How many such lots the act brings about, (B,), 0.1..10."""
    balance: Tensor
    """Before its tanh, the net share s = H / G, (B,)."""
    burdens: Tensor
    """External cost, redistribution and self-damage, (B, 3), -1..1."""
    layers: Tensor
    """(B, 6) in the order of LAYERS, 1 where not predicted."""


def value_of(verdict: Verdict, units: Units, horizon_days: Tensor | None = None) -> Tensor:
    """V10 in hedons: (B,), or (B, H) by each horizon.

    Gross turnover G = lots w I C K M and net H = tanh(balance) G, so that
    V10 = G (s + k_r r - k_e e - k_d d): its size is non-decreasing in each circumstance.
    """
    lot, lots, balance, burdens = verdict.lot, verdict.lots, verdict.balance, verdict.burdens
    if horizon_days is not None:
        # every tensor of a record gets an axis for the horizons
        lot = Lot(*(tensor.unsqueeze(-1) for tensor in attrs.astuple(lot, recurse=False)))
        lot = calculus.until(lot, horizon_days, units.spread_days)
        lots, balance, burdens = lots.unsqueeze(-1), balance.unsqueeze(-1), burdens.unsqueeze(-2)
    gross = lots * calculus.size_of(lot, units)
    return calculus.with_burdens(gross * torch.tanh(balance), gross, *burdens.unbind(-1))


class AdvancedBentham(nn.Module):
    """Circumstances, burdens, layers and value of an act.

    Args:
        width_in: D of the embedding.
        width: W of an encoded chunk; all others are fixed ratios of it.
        recurrent_layers: LSTM layers of each social level.
        experts: E of the weight predictor.
        parts: What the data set has.
        units: Of the calculus.
        position_width: Width of the sinusoids of positions, which divides width; 0 is width.
        dropout: Share of activations dropped in training.
    """

    def __init__(
        self,
        *,
        width_in: int,
        width: int,
        recurrent_layers: int,
        experts: int,
        parts: Parts,
        units: Units,
        dropout: float,
        position_width: int = 0,
    ) -> None:
        super().__init__()
        self.parts, self.units, self.position_width = parts, units, position_width
        half, read = width // 2, width + 3 * DIMENSIONS
        self.encoder = trunk(width_in, width, dropout=dropout)
        self.norm = nn.LayerNorm(width)
        self.deep_ethics = DeepEthics(width, dropout)
        self.social_impact = SocialImpact(width, recurrent_layers, dropout)
        self.cross_cultural = CrossCultural(width, dropout)
        outputs = DIMENSIONS + len(parts.predicted_layers) + 2
        self.skip = nn.Sequential(nn.LayerNorm(width_in), RecordDropout(dropout), nn.Linear(width_in, outputs))
        self.weight_predictor = Mixture(
            experts,
            read,
            width * 2 // 3,
            width // 3,
            len(parts.predicted_layers),
            gate_hidden=half,
            dropout=dropout,
        )
        self.balance = mlp(read, half, 2, dropout=dropout)
        self.start_small()

    def start_small(self) -> None:
        """Let the first answers lie close to one point, as the calculus multiplies whatever noise they start with."""
        ends = (
            self.deep_ethics.integrator,
            self.social_impact.aggregator,
            self.cross_cultural.fusion,
            self.weight_predictor.experts.layers,
            self.balance,
            self.skip,
        )
        with torch.no_grad():
            for parameter in (parameter for end in ends for parameter in end[-1].parameters()):
                parameter.mul_(SMALL)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """(B, T, D) to the dimensions and layers that have labels, and "utility" and "net_share" (B,)."""
        mask, parts, units = inputs["mask"], self.parts, self.units
        sequence = with_positions(self.encoder(inputs["embedding"]), self.position_width)
        state = self.norm(masked_mean(sequence, mask))
        ethics, culture = self.deep_ethics(state), self.cross_cultural(state)
        social, shares, places = self.social_impact(sequence, mask)
        skip = self.skip(masked_mean(inputs["embedding"], mask))
        linear, linear_weights, linear_balance = skip.split([DIMENSIONS, len(parts.predicted_layers), 2], -1)
        dimensions = linear + ethics + social + culture
        logits, shift, burdens = dimensions.split([6, 1, 3], -1)
        extent = extent_of(shares, places + shift)
        read = torch.cat([state, ethics, social, culture], -1)
        weights, gate = self.weight_predictor(read)
        balance, lots = (self.balance(read) + linear_balance).unbind(-1)
        verdict = Verdict(
            lot=calculus.lot_from_logits(logits, extent, units),
            lots=band(lots, FEWEST_LOTS, MOST_LOTS),
            balance=balance,
            burdens=burdens.tanh(),
            layers=self.all_layers(weights + linear_weights),
        )
        value = value_of(verdict, units)
        circumstances = torch.cat([logits.sigmoid(), extent.unsqueeze(-1)], -1)
        outputs = {
            "bentham": circumstances[:, list(parts.circumstances)],
            "utility": self.score(value, verdict.layers, parts.utility_layers),
            "net_share": balance.tanh(),
            "lots": verdict.lots,
            "levels": shares,
            "gate": gate,
        }
        if parts.burdens:
            outputs["burdens"] = verdict.burdens[:, list(parts.burdens)]
        if parts.layers:
            outputs["context_layers"] = verdict.layers[:, list(parts.layers)]
        if parts.in_context:
            outputs["utility_in_context"] = self.score(value, verdict.layers, None)
        if parts.horizons:
            by_horizon = value_of(verdict, units, value.new_tensor(parts.horizons))
            outputs["utility_horizons"] = self.score(by_horizon, verdict.layers, None)
        return outputs

    def all_layers(self, weights: Tensor) -> Tensor:
        """The predicted layers, 0.3 (2.5 / 0.3)^sigmoid(u) with u around the neutral one, among ones: (B, 6)."""
        predicted = band(weights + NEUTRAL, LOWEST_LAYER, HIGHEST_LAYER)
        places = {place: number for number, place in enumerate(self.parts.predicted_layers)}
        neutral = torch.ones_like(predicted[:, 0])
        columns = [predicted[:, places[place]] if place in places else neutral for place in range(len(LAYERS))]
        return torch.stack(columns, -1)

    def score(self, value: Tensor, layers: Tensor, counted: tuple[int, ...] | None) -> Tensor:
        """The bounded score of a value (B,) or (B, H) under the counted layers."""
        factor = calculus.context_factor(layers, counted)
        return calculus.bounded_score(value * factor.view(-1, *[1] * (value.dim() - 1)), self.units.half_value)

    def grow_from(self, smaller: AdvancedBentham) -> None:
        """Take over what a smaller one computes."""
        (old,), (new,) = smaller.norm.normalized_shape, self.norm.normalized_shape
        stream = Axis.repeated(old, new)
        grow_chain(self.encoder, smaller.encoder, features_read(self.encoder, smaller.encoder), stream)
        grow_norm(self.norm, smaller.norm, stream)
        self.deep_ethics.grow_from(smaller.deep_ethics, stream)
        self.social_impact.grow_from(smaller.social_impact, stream)
        self.cross_cultural.grow_from(smaller.cross_cultural, stream)
        grow_same(self.skip, smaller.skip)
        read = Axis.joined(stream, *[Axis.same(DIMENSIONS)] * 3)
        grow_mixture(self.weight_predictor, smaller.weight_predictor, read)
        grow_chain(self.balance, smaller.balance, read)
