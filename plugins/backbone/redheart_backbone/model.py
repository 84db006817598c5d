"""The shared encoder: chunks of a text in context, and a branch for each task."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from redheart_core.nn.attention import AttentionPooling, TransformerLayer
from redheart_core.nn.chunks import with_positions
from redheart_core.nn.growing import (
    features_read,
    grow_chain,
    grow_layers,
    grow_linear,
    grow_norm,
    grow_pooling,
)
from redheart_core.nn.growing_axes import Axis
from redheart_core.nn.layers import RecordDropout, trunk
from redheart_core.nn.parallel import ParallelLinear, ParallelMlp, ParallelNorm


class Branches(nn.Module):
    """C views of the text: each weighs chunks, then projects and specialises. (B, T, W) to (B, C, W)."""

    def __init__(self, copies: int, width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.pool = AttentionPooling(width, width // 2, copies)
        self.projection = ParallelMlp(copies, width, hidden, width, dropout=dropout)
        self.projection_norm = ParallelNorm(copies, width)
        self.specialization = ParallelLinear(copies, width, width)
        self.specialization_norm = ParallelNorm(copies, width)

    def forward(self, sequence: Tensor, mask: Tensor) -> Tensor:
        projected = self.projection(self.pool(sequence, mask)).transpose(0, 1)
        special = self.specialization(self.projection_norm(projected))
        return F.gelu(self.specialization_norm(special)).transpose(0, 1)

    def grow_from(self, smaller: Branches, stream: Axis) -> None:
        """Read and give a stream whose units are repeated."""
        grow_pooling(self.pool, smaller.pool, stream)
        projected = grow_chain(self.projection, smaller.projection, stream, stream)
        projected = grow_norm(self.projection_norm, smaller.projection_norm, projected)
        grow_linear(self.specialization, smaller.specialization, projected, stream)
        grow_norm(self.specialization_norm, smaller.specialization_norm, stream)


class Backbone(nn.Module):
    """Pre-norm transformer over the chunks with a final norm, and one branch per task.

    Args:
        width_in: D of the embedding.
        width: W of every output, a multiple of heads.
        layers: Transformer layers.
        heads: Attention heads of a layer.
        feedforward: Hidden width of a layer's feed-forward network, in widths.
        branch: Hidden width of a branch's projection, in widths.
        position_width: Width of the sinusoids of positions, which divides width; 0 is width.
        dropout: Share of activations dropped in training.
        input_dropout: Share of the embedding's coordinates dropped in training.
        tasks: Names of the branches and their outputs; at least one.
        gives_sequence: Whether the chunks in context are an output too.
    """

    def __init__(
        self,
        *,
        width_in: int,
        width: int,
        layers: int,
        heads: int,
        feedforward: int,
        branch: int,
        dropout: float,
        input_dropout: float,
        tasks: Sequence[str],
        gives_sequence: bool,
        position_width: int = 0,
    ) -> None:
        super().__init__()
        self.input_dropout = RecordDropout(input_dropout)
        self.project = trunk(width_in, width, width, dropout=dropout)
        self.encoder = nn.ModuleList(
            TransformerLayer(width, heads, feedforward * width, dropout) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)
        self.position_width = position_width
        self.tasks = tuple(tasks)
        self.gives_sequence = gives_sequence
        self.branches = Branches(len(self.tasks), width, branch * width, dropout)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """(B, T, D) to (B, W) for each task and, if asked for, "sequence" (B, T, W)."""
        mask = inputs["mask"]
        projected = self.project(self.input_dropout(inputs["embedding"]))
        sequence = with_positions(projected, self.position_width)
        for layer in self.encoder:
            sequence = layer(sequence, mask)
        sequence = self.norm(sequence)
        outputs = dict(zip(self.tasks, self.branches(sequence, mask).unbind(1), strict=True))
        return {**outputs, "sequence": sequence} if self.gives_sequence else outputs

    def grow_from(self, smaller: Backbone) -> None:
        """Take over what a smaller one computes: every output repeats its own."""
        (old,), (new,) = smaller.norm.normalized_shape, self.norm.normalized_shape
        stream = Axis.repeated(old, new)
        grow_chain(self.project, smaller.project, features_read(self.project, smaller.project), stream)
        grow_layers(self.encoder, smaller.encoder, stream)
        grow_norm(self.norm, smaller.norm, stream)
        self.branches.grow_from(smaller.branches, stream)
