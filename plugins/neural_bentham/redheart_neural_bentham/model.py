"""Bentham circumstances straight from the embedding: chunk reasoner, attention, LSTM, social readings."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from redheart_core.nn.attention import Attention
from redheart_core.nn.chunks import masked_mean, with_positions
from redheart_core.nn.growing import (
    features_read,
    grow_attention,
    grow_chain,
    grow_mixture,
    grow_norm,
    grow_recurrent,
    grow_same,
)
from redheart_core.nn.growing_axes import Axis
from redheart_core.nn.layers import LinearSkips, RecordDropout, band, mlp, trunk
from redheart_core.nn.parallel import Mixture, ParallelMlp
from redheart_core.nn.recurrent import Recurrent

LOWEST_WEIGHT, HIGHEST_WEIGHT = 0.3, 2.5


class NeuralBentham(nn.Module):
    """Bentham circumstances of a text, each in 0..1, and what a data set says of its calculus besides.

    Args:
        width_in: D of the embedding.
        width: Width of a chunk that was reasoned about; all others are fixed ratios of it.
        heads: Attention heads, a divisor of width.
        recurrent_layers: Layers of the bidirectional LSTM over the chunks.
        experts: E, number of social readings.
        sizes: Name of each output to its numbers: "bentham", and of "burdens", "context_layers" and
            "utility_horizons" those that are to be learnt.
        position_width: Width of the sinusoids of positions, which divides width; 0 is width.
        dropout: Share of activations dropped in training.
        input_dropout: Share of the embedding that the reasoner loses in training.
        skip_dropout: Share of the mean embedding that the linear skips lose in training.
    """

    def __init__(
        self,
        *,
        width_in: int,
        width: int,
        heads: int,
        recurrent_layers: int,
        experts: int,
        sizes: Mapping[str, int],
        dropout: float,
        input_dropout: float,
        skip_dropout: float,
        position_width: int = 0,
    ) -> None:
        super().__init__()
        quarter, half, two_thirds, labels = width // 4, width // 2, width * 2 // 3, sizes["bentham"]
        self.position_width = position_width
        self.input_dropout = RecordDropout(input_dropout)
        self.reasoner = trunk(width_in, 2 * width, 2 * width, width * 3 // 2, width, dropout=dropout)
        self.attention = Attention(width, width, width, heads)
        self.norm = nn.LayerNorm(width)
        self.longterm = Recurrent(width, two_thirds, recurrent_layers, both_ways=True)
        self.longterm_summary = trunk(2 * two_thirds, width, half, dropout=dropout)
        self.social = Mixture(experts, width, width, width * 3 // 4, half, labels, gate_hidden=half, dropout=dropout)
        integrators: dict[str, nn.Module] = {"bentham": mlp(width + half, width, half, labels, dropout=dropout)}
        if "burdens" in sizes:
            integrators["burdens"] = mlp(width, half, sizes["burdens"], dropout=dropout)
        if "context_layers" in sizes:
            layers = sizes["context_layers"]
            integrators["context_layers"] = ParallelMlp(layers, width, half, quarter, 1, dropout=dropout)
        if "utility_horizons" in sizes:
            integrators["utility_horizons"] = mlp(half, half, sizes["utility_horizons"], dropout=dropout)
        self.integrators = nn.ModuleDict(integrators)
        self.skips = LinearSkips(width_in, sizes, skip_dropout)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """(B, T, D) to the outputs that the plugin declares."""
        embedding, mask = inputs["embedding"], inputs["mask"]
        reasoned = with_positions(self.reasoner(self.input_dropout(embedding)), self.position_width)
        compared = self.norm(reasoned + self.attention(reasoned, reasoned, mask))
        state = masked_mean(compared, mask)
        outlook = self.longterm_summary(masked_mean(self.longterm(compared, mask), mask))
        social, gate = self.social(state)
        skips = self.skips(embedding, mask)
        logits = self.integrators["bentham"](torch.cat([state, outlook], -1)) + social + skips["bentham"]
        outputs = {"bentham": logits.sigmoid(), "gate": gate}
        if "burdens" in self.integrators:
            outputs["burdens"] = (self.integrators["burdens"](state) + skips["burdens"]).tanh()
        if "context_layers" in self.integrators:
            layers = self.integrators["context_layers"](state).squeeze(-1) + skips["context_layers"]
            outputs["context_layers"] = band(layers, LOWEST_WEIGHT, HIGHEST_WEIGHT)
        if "utility_horizons" in self.integrators:
            horizons = self.integrators["utility_horizons"](outlook) + skips["utility_horizons"]
            outputs["utility_horizons"] = horizons.tanh()
        return outputs

    def grow_from(self, smaller: NeuralBentham) -> None:
        """Take over what a smaller one computes."""
        stream = Axis.repeated(smaller.attention.out.out_features, self.attention.out.out_features)
        grow_chain(self.reasoner, smaller.reasoner, features_read(self.reasoner, smaller.reasoner), stream)
        grow_attention(self.attention, smaller.attention, stream, stream, stream)
        grow_norm(self.norm, smaller.norm, stream)
        course = grow_recurrent(self.longterm, smaller.longterm, stream)
        outlook = grow_chain(self.longterm_summary, smaller.longterm_summary, course)
        grow_mixture(self.social, smaller.social, stream)
        columns = {"bentham": Axis.joined(stream, outlook), "utility_horizons": outlook}
        for name, larger in self.integrators.items():
            grow_chain(larger, smaller.integrators[name], columns.get(name, stream))
        grow_same(self.skips, smaller.skips)
