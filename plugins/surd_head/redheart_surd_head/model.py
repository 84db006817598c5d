"""Choice factors and causal parts, each out of a network of its own beside a shared one."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from redheart_core.nn.attention import Attention
from redheart_core.nn.growing import features_read, grow_attention, grow_chain, grow_layers, grow_same
from redheart_core.nn.growing_axes import Axis
from redheart_core.nn.layers import LinearSkips, Residual, mlp, trunk
from redheart_core.nn.parallel import ParallelMlp


class SurdHead(nn.Module):
    """Choice factors of a text, each in 0..1, and the causal parts of its outcome, which sum to one.

    Args:
        width_in: W of the backbone's features.
        width_embedding: D of the embedding.
        width: Width of the trunk; all others are fixed ratios of it.
        heads: Attention heads, a divisor of width.
        residual_layers: Residual layers on the trunk.
        factors: Number of choice factors; 0 if there are none to learn.
        parts: Number of causal parts; 0 if there are none to learn.
        dropout: Share of activations dropped in training.
        skip_dropout: Share of the mean embedding dropped in training.
    """

    def __init__(
        self,
        *,
        width_in: int,
        width_embedding: int,
        width: int,
        heads: int,
        residual_layers: int,
        factors: int,
        parts: int,
        dropout: float,
        skip_dropout: float,
    ) -> None:
        super().__init__()
        two_thirds, four_thirds = width * 2 // 3, width * 4 // 3
        self.sizes = {name: size for name, size in (("factors", factors), ("parts", parts)) if size}
        self.base = trunk(width_in, 2 * width, four_thirds, width, dropout=dropout)
        self.residual = nn.Sequential(*(Residual(width, width, dropout) for _ in range(residual_layers)))
        self.attention = Attention(width, width_in, width, heads)
        narrow = (two_thirds, width // 3, width // 6, 1)
        hidden = {"factors": (width, *narrow), "parts": narrow}
        self.networks = nn.ModuleDict(
            {name: ParallelMlp(size, width, *hidden[name], dropout=dropout) for name, size in self.sizes.items()}
        )
        self.output = mlp(2 * width, four_thirds, two_thirds, sum(self.sizes.values()), dropout=dropout)
        self.skips = LinearSkips(width_embedding, self.sizes, skip_dropout)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Embedding (B, T, D), features (B, W) and sequence (B, T, W) to the outputs that the plugin declares."""
        mask = inputs["mask"]
        state = self.residual(self.base(inputs["backbone.surd"]))
        noticed = self.attention(state.unsqueeze(1), inputs["backbone.sequence"], mask).squeeze(1)
        shared = self.output(torch.cat([state, noticed], -1)).split(list(self.sizes.values()), -1)
        skips = self.skips(inputs["embedding"], mask)
        logits = {
            name: logits + self.networks[name](state).squeeze(-1) + skips[name]
            for name, logits in zip(self.sizes, shared, strict=True)
        }
        outputs = {"choice_factors": logits["factors"].sigmoid()} if "factors" in logits else {}
        if "parts" in logits:
            outputs |= {"causal_parts": logits["parts"].softmax(-1), "causal_parts_logits": logits["parts"]}
        return outputs

    def grow_from(self, smaller: SurdHead) -> None:
        """Take over what a smaller one computes."""
        read = features_read(self.base, smaller.base)
        stream = Axis.repeated(smaller.attention.out.out_features, self.attention.out.out_features)
        grow_chain(self.base, smaller.base, read, stream)
        grow_layers(self.residual, smaller.residual, stream)
        grow_attention(self.attention, smaller.attention, stream, read, stream)
        for name, network in self.networks.items():
            grow_chain(network, smaller.networks[name], stream)
        grow_chain(self.output, smaller.output, Axis.joined(stream, stream))
        grow_same(self.skips, smaller.skips)
