"""Bentham circumstances out of gated ethical experts under six weight layers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from redheart_core.nn.chunks import last_chunk
from redheart_core.nn.growing import features_read, grow_chain, grow_mixture, grow_recurrent, grow_same
from redheart_core.nn.growing_axes import Axis
from redheart_core.nn.layers import LinearSkips, band, mlp, trunk
from redheart_core.nn.parallel import Mixture, ParallelMlp
from redheart_core.nn.recurrent import Recurrent

LOWEST_WEIGHT, HIGHEST_WEIGHT = 0.3, 2.5


class BenthamHead(nn.Module):
    """Bentham circumstances of a text, each in 0..1.

    Args:
        width_in: W of the backbone's features.
        width_embedding: D of the embedding.
        width: Width of the trunk; all others are fixed ratios of it.
        experts: E of the mixture.
        recurrent_layers: LSTM layers over the chunks.
        labels: L, number of circumstances.
        weight_layers: C, number of layers that weigh the experts.
        gives_layers: Whether each layer's weight is an output too.
        legal_domains: Number of domains of legal risk; 0 if there are none to learn.
        dropout: Share of activations dropped in training.
        skip_dropout: Share of the mean embedding dropped in training.
    """

    def __init__(
        self,
        *,
        width_in: int,
        width_embedding: int,
        width: int,
        experts: int,
        recurrent_layers: int,
        labels: int,
        weight_layers: int,
        gives_layers: bool,
        legal_domains: int,
        dropout: float,
        skip_dropout: float,
    ) -> None:
        super().__init__()
        third, two_thirds, four_thirds = width // 3, width * 2 // 3, width * 4 // 3
        self.gives_layers = gives_layers
        self.base = trunk(width_in, 2 * width, four_thirds, width, dropout=dropout)
        self.temporal = Recurrent(width_in, two_thirds, recurrent_layers)
        self.weight_layers = ParallelMlp(weight_layers, width, two_thirds, third, experts, dropout=dropout)
        self.mixture = Mixture(experts, width, four_thirds, two_thirds, labels, gate_hidden=two_thirds, dropout=dropout)
        main = mlp(width + two_thirds, four_thirds, two_thirds, labels, dropout=dropout)
        self.output = nn.ModuleDict({"bentham": main})
        if legal_domains:
            self.output["legal_risk"] = ParallelMlp(legal_domains, width, two_thirds, third, 1, dropout=dropout)
        sizes = {"bentham": labels, "context_layers": weight_layers}
        sizes |= {"legal_risk": legal_domains} if legal_domains else {}
        self.skips = LinearSkips(width_embedding, sizes, skip_dropout)

    def layer_weights(self, state: Tensor, skip: Tensor) -> Tensor:
        """How much each weight layer raises or lowers each expert: (B, W) and (B, C) to (B, C, E) in 0.3..2.5."""
        return band(self.weight_layers(state) + skip.unsqueeze(-1), LOWEST_WEIGHT, HIGHEST_WEIGHT)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Embedding (B, T, D), features (B, W) and sequence (B, T, W) to the outputs that the plugin declares."""
        mask = inputs["mask"]
        state = self.base(inputs["backbone.bentham"])
        course = last_chunk(self.temporal(inputs["backbone.sequence"], mask), mask)
        skips = self.skips(inputs["embedding"], mask)
        logs = self.layer_weights(state, skips["context_layers"]).log()
        # the geometric mean of the layers stays within their band
        mixed, gate = self.mixture(state, logs.mean(1).exp())
        logits = self.output["bentham"](torch.cat([state, course], -1)) + mixed + skips["bentham"]
        outputs = {"bentham": logits.sigmoid(), "gate": gate}
        if self.gives_layers:
            outputs["context_layers"] = logs.mean(2).exp()
        if "legal_risk" in self.output:
            outputs["legal_risk"] = (self.output["legal_risk"](state).squeeze(-1) + skips["legal_risk"]).sigmoid()
        return outputs

    def grow_from(self, smaller: BenthamHead) -> None:
        """Take over what a smaller one computes."""
        read = features_read(self.base, smaller.base)
        state = grow_chain(self.base, smaller.base, read)
        course = grow_recurrent(self.temporal, smaller.temporal, read)
        grow_chain(self.weight_layers, smaller.weight_layers, state)
        grow_mixture(self.mixture, smaller.mixture, state)
        for name, larger in self.output.items():
            columns = Axis.joined(state, course) if name == "bentham" else state
            grow_chain(larger, smaller.output[name], columns)
        grow_same(self.skips, smaller.skips)
