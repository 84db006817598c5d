"""Choice factors and causal parts straight from the embedding: chunk reasoner, a network for each, and a shared one."""

from __future__ import annotations

from torch import Tensor, nn

from redheart_core.nn.chunks import masked_mean
from redheart_core.nn.growing import features_read, grow_chain, grow_same
from redheart_core.nn.layers import LinearSkips, RecordDropout, mlp, trunk
from redheart_core.nn.parallel import ParallelMlp


class NeuralSurd(nn.Module):
    """Choice factors of a text, each in 0..1, and the causal parts of its outcome, which sum to one.

    Args:
        width_in: D of the embedding.
        width: Width of a chunk that was reasoned about; all others are fixed ratios of it.
        factors: Number of choice factors; 0 if there are none to learn.
        parts: Number of causal parts; 0 if there are none to learn.
        dropout: Share of activations dropped in training.
        input_dropout: Share of the embedding that the reasoner loses in training.
        skip_dropout: Share of the mean embedding that the linear skips lose in training.
    """

    def __init__(
        self,
        *,
        width_in: int,
        width: int,
        factors: int,
        parts: int,
        dropout: float,
        input_dropout: float,
        skip_dropout: float,
    ) -> None:
        super().__init__()
        sixth, third, two_thirds = width // 6, width // 3, width * 2 // 3
        self.sizes = {name: size for name, size in (("factors", factors), ("parts", parts)) if size}
        self.input_dropout = RecordDropout(input_dropout)
        self.reasoner = trunk(width_in, 2 * width, 2 * width, width * 4 // 3, width, dropout=dropout)
        hidden = {"factors": (width, two_thirds, third, 1), "parts": (third, sixth, 1)}
        self.networks = nn.ModuleDict(
            {name: ParallelMlp(size, width, *hidden[name], dropout=dropout) for name, size in self.sizes.items()}
        )
        self.calculator = mlp(width, two_thirds, third, sum(self.sizes.values()), dropout=dropout)
        self.skips = LinearSkips(width_in, self.sizes, skip_dropout)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """(B, T, D) to the outputs that the plugin declares."""
        embedding, mask = inputs["embedding"], inputs["mask"]
        state = masked_mean(self.reasoner(self.input_dropout(embedding)), mask)
        shared = self.calculator(state).split(list(self.sizes.values()), -1)
        skips = self.skips(embedding, mask)
        logits = {
            name: logits + self.networks[name](state).squeeze(-1) + skips[name]
            for name, logits in zip(self.sizes, shared, strict=True)
        }
        outputs = {"choice_factors": logits["factors"].sigmoid()} if "factors" in logits else {}
        if "parts" in logits:
            outputs |= {"causal_parts": logits["parts"].softmax(-1), "causal_parts_logits": logits["parts"]}
        return outputs

    def grow_from(self, smaller: NeuralSurd) -> None:
        """Take over what a smaller one computes."""
        state = grow_chain(self.reasoner, smaller.reasoner, features_read(self.reasoner, smaller.reasoner))
        for name, network in self.networks.items():
            grow_chain(network, smaller.networks[name], state)
        grow_chain(self.calculator, smaller.calculator, state)
        grow_same(self.skips, smaller.skips)
