"""Emotion logits of each chunk, straight from the embedding: chunk encoder, attention, LSTM tracker, mixture."""

from __future__ import annotations

from torch import Tensor, nn

from redheart_core.nn.attention import AttentionPooling, TransformerLayer
from redheart_core.nn.chunks import masked_mean, with_positions
from redheart_core.nn.growing import (
    features_read,
    grow_chain,
    grow_mixture,
    grow_pooling,
    grow_recurrent,
    grow_same,
    grow_transformer,
)
from redheart_core.nn.growing_axes import Axis
from redheart_core.nn.layers import LinearSkips, RecordDropout, mlp, trunk
from redheart_core.nn.parallel import Mixture, ParallelMlp
from redheart_core.nn.recurrent import Recurrent


class NeuralEmotion(nn.Module):
    """Emotion distribution of a text as the mean of its course over the chunks.

    Args:
        width_in: D of the embedding.
        width: Width of an encoded chunk; all others are fixed ratios of it.
        heads: Attention heads, a divisor of width.
        recurrent_layers: Layers of the bidirectional LSTM over the chunks.
        experts: E of the mixture.
        labels: L, number of emotions.
        culture: C, number of cultural concepts; 0 if there are none to learn.
        position_width: Width of the sinusoids of positions, which divides width; 0 is width.
        dropout: Share of activations dropped in training.
        input_dropout: Share of the embedding that the encoder loses in training.
        skip_dropout: Share of the embedding that the linear skips lose in training.
    """

    def __init__(
        self,
        *,
        width_in: int,
        width: int,
        heads: int,
        recurrent_layers: int,
        experts: int,
        labels: int,
        culture: int,
        dropout: float,
        input_dropout: float,
        skip_dropout: float,
        position_width: int = 0,
    ) -> None:
        super().__init__()
        quarter, half, two_thirds, four_thirds = width // 4, width // 2, width * 2 // 3, width * 4 // 3
        self.position_width = position_width
        self.input_dropout = RecordDropout(input_dropout)
        self.encoder = trunk(width_in, four_thirds, four_thirds, width, dropout=dropout)
        self.fusion = TransformerLayer(width, heads, four_thirds, dropout)
        self.tracker = Recurrent(width, two_thirds, recurrent_layers, both_ways=True)
        self.pool = AttentionPooling(2 * two_thirds, quarter)
        self.state = trunk(2 * two_thirds, width)
        self.mixture = Mixture(experts, width, half, quarter, labels, gate_hidden=half, dropout=dropout)
        self.readings = nn.ModuleDict({"emotion": mlp(2 * two_thirds, quarter, labels, dropout=dropout)})
        if culture:
            self.readings["culture"] = ParallelMlp(culture, width, two_thirds, half, quarter, 1, dropout=dropout)
        sizes = {"emotion": labels} | ({"culture": culture} if culture else {})
        self.skips = LinearSkips(width_in, sizes, skip_dropout)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """(B, T, D) to the outputs that the plugin declares."""
        embedding, mask = inputs["embedding"], inputs["mask"]
        placed = with_positions(self.encoder(self.input_dropout(embedding)), self.position_width)
        fused = self.fusion(placed, mask)
        tracked = self.tracker(fused, mask)
        state = self.state(self.pool(tracked, mask).squeeze(1))
        mixed, gate = self.mixture(state)
        skips = self.skips.by_chunk(embedding, mask)
        # what a chunk says by itself, and what the whole text says
        trajectory = self.readings["emotion"](tracked) + skips["emotion"] + mixed.unsqueeze(1)
        logits = masked_mean(trajectory, mask)
        outputs = {"emotion": logits.softmax(-1), "emotion_logits": logits, "trajectory": trajectory, "gate": gate}
        if "culture" in self.readings:
            culture = self.readings["culture"](state).squeeze(-1) + masked_mean(skips["culture"], mask)
            outputs["culture"] = culture.sigmoid()
        return outputs

    def grow_from(self, smaller: NeuralEmotion) -> None:
        """Take over what a smaller one computes."""
        (old,), (new,) = smaller.fusion.norm.normalized_shape, self.fusion.norm.normalized_shape
        stream = Axis.repeated(old, new)
        grow_chain(self.encoder, smaller.encoder, features_read(self.encoder, smaller.encoder), stream)
        grow_transformer(self.fusion, smaller.fusion, stream)
        tracked = grow_recurrent(self.tracker, smaller.tracker, stream)
        grow_pooling(self.pool, smaller.pool, tracked)
        state = grow_chain(self.state, smaller.state, tracked)
        grow_mixture(self.mixture, smaller.mixture, state)
        for name, larger in self.readings.items():
            grow_chain(larger, smaller.readings[name], tracked if name == "emotion" else state)
        grow_same(self.skips, smaller.skips)
