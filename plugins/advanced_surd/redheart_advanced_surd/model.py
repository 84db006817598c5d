"""SURD parts and paths from the text, transfer entropy from the mood log: the whole module."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from torch import Tensor, nn

from redheart_advanced_surd.causal import CausalModel
from redheart_advanced_surd.decomposition import Decomposition, part_logits
from redheart_advanced_surd.paths import PATHS
from redheart_advanced_surd.transfer import Transfer
from redheart_core.nn.attention import TransformerLayer
from redheart_core.nn.chunks import masked_mean, with_positions
from redheart_core.nn.growing import features_read, grow_chain, grow_layers, grow_same
from redheart_core.nn.growing_axes import Axis
from redheart_core.nn.layers import LinearSkips, RecordDropout, trunk


class AdvancedSurd(nn.Module):
    """Decomposition of the causes in a text.

    Args:
        width_in: D of the embedding.
        width: W of the chunks' features.
        heads: Attention heads, a divisor of W.
        layers: Attention layers over the chunks.
        causal_width: First width of the causal model.
        causal_heads: Its attention heads, a divisor of a quarter of causal_width.
        parts: Places of the parts to give, in PARTS.
        paths: Places of the paths to give, in PATHS.
        directions: Source and target of each transfer to give; none if there is no log to read.
        transfer_width: Width of the network over the log.
        wanted: The outputs to give.
        position_width: Width of the sinusoids of positions, which divides width; 0 is width.
        dropout: Share of activations dropped in training.
        input_dropout: Share of the embedding that the encoder loses in training.
        skip_dropout: Share of the mean embedding that the linear skip loses in training.
    """

    def __init__(
        self,
        *,
        width_in: int,
        width: int,
        heads: int,
        layers: int,
        causal_width: int,
        causal_heads: int,
        parts: Sequence[int],
        paths: Sequence[int],
        directions: Sequence[tuple[int, int]],
        transfer_width: int,
        wanted: Collection[str],
        dropout: float,
        input_dropout: float,
        skip_dropout: float,
        position_width: int = 0,
    ) -> None:
        super().__init__()
        self.width, self.position_width = width, position_width
        self.input_dropout = RecordDropout(input_dropout)
        self.wanted = frozenset(wanted)
        self.part_places, self.path_places = list(parts), list(paths)
        self.encoder = trunk(width_in, 2 * width, width * 3 // 2, width, dropout=dropout)
        self.attention = nn.ModuleList(TransformerLayer(width, heads, 2 * width, dropout) for _ in range(layers))
        self.decomposition = Decomposition(width, dropout)
        self.causal = CausalModel(width, causal_width, causal_heads)
        self.skips = LinearSkips(width_in, {"paths": len(PATHS)}, skip_dropout)
        self.transfer = Transfer(directions, transfer_width) if directions else None

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """(B, T, D), and the log (B, N, P) where it is read, to the wanted outputs."""
        embedding, mask = inputs["embedding"], inputs["mask"]
        sequence = with_positions(self.encoder(self.input_dropout(embedding)), self.position_width)
        for layer in self.attention:
            sequence = layer(sequence, mask)
        logits = self.decomposition(masked_mean(sequence, mask)) + self.causal(sequence, mask)
        logits = logits + self.skips(embedding, mask)["paths"]
        paths, parts = logits[:, self.path_places], part_logits(logits)[:, self.part_places]
        outputs = {
            "causal_parts": parts.softmax(-1),
            "parts_logits": parts,
            "causal_paths": paths.softmax(-1),
            "paths_logits": paths,
        }
        if self.transfer is not None:
            outputs["transfer"] = self.transfer(inputs["mood_log"])
        return {name: tensor for name, tensor in outputs.items() if name in self.wanted}

    def grow_from(self, smaller: AdvancedSurd) -> None:
        """Take over what a smaller one computes."""
        stream = Axis.repeated(smaller.width, self.width)
        grow_chain(self.encoder, smaller.encoder, features_read(self.encoder, smaller.encoder), stream)
        grow_layers(self.attention, smaller.attention, stream)
        grow_chain(self.decomposition.paths, smaller.decomposition.paths, stream)
        grow_chain(self.decomposition.parts, smaller.decomposition.parts, stream)
        self.causal.grow_from(smaller.causal, stream)
        grow_same(self.skips, smaller.skips)
        if self.transfer is not None:
            assert smaller.transfer is not None
            self.transfer.grow_from(smaller.transfer)
