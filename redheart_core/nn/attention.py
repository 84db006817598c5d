"""Attention over the chunks of a text (Vaswani et al. 2017), and pooling by it.

Shapes: B records, T chunks, W width. A mask is (B, T) bool, True for real chunks, which come first; what stands at
padded places never reaches a result. Biases that a softmax would cancel (of keys and pooling scores) do not exist, so
that every parameter gets a gradient.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from redheart_core.contract.errors import SettingsError
from redheart_core.nn.layers import RecordDropout, Residual


class Attention(nn.Module):
    """Multi-head attention of queries over the real chunks of a memory.

    (B, Q, query_width) and (B, T, memory_width) to (B, Q, width). For self-attention
    both are the same tensor.
    """

    def __init__(self, query_width: int, memory_width: int, width: int, heads: int) -> None:
        super().__init__()
        if width % heads:
            raise SettingsError(
                f"attention of width {width} cannot be split into {heads} heads; set heads to a divisor of it"
            )
        self.heads = heads
        self.query = nn.Linear(query_width, width, bias=False)
        self.key = nn.Linear(memory_width, width, bias=False)
        self.value = nn.Linear(memory_width, width, bias=False)
        self.out = nn.Linear(width, width)

    def forward(self, queries: Tensor, memory: Tensor, mask: Tensor) -> Tensor:
        q, k, v = (
            x.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for x in (self.query(queries), self.key(memory), self.value(memory))
        )
        # faster for the few chunks of a text than scaled_dot_product_attention, which is made for long sequences
        scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
        mixed = scores.masked_fill(~mask[:, None, None, :], float("-inf")).softmax(-1) @ v
        return self.out(mixed.transpose(1, 2).flatten(2))  # type: ignore[no-any-return] # as above


class TransformerLayer(nn.Module):
    """Pre-norm self-attention and a residual mlp: (B, T, W) to (B, T, W)."""

    def __init__(self, width: int, heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.attention = Attention(width, width, width, heads)
        self.dropout = RecordDropout(dropout)
        self.residual = Residual(width, hidden, dropout)

    def forward(self, sequence: Tensor, mask: Tensor) -> Tensor:
        normed = self.norm(sequence)
        sequence = sequence + self.dropout(self.attention(normed, normed, mask))
        return self.residual(sequence)  # type: ignore[no-any-return] # as above


class AttentionPooling(nn.Module):
    """C independent learned weighted means over the real chunks: (B, T, W) to (B, C, W).

    Weights are the softmax of the scores w tanh(V x) themselves (Bahdanau et al. 2015).
    """

    def __init__(self, width: int, hidden: int, copies: int = 1) -> None:
        super().__init__()
        self.hidden = nn.Linear(width, copies * hidden)
        self.score = nn.Parameter(torch.empty(copies, hidden))
        nn.init.uniform_(self.score, -(hidden**-0.5), hidden**-0.5)

    def forward(self, sequence: Tensor, mask: Tensor) -> Tensor:
        hidden = self.hidden(sequence).tanh().unflatten(-1, self.score.shape)
        scores = torch.einsum("btch,ch->bct", hidden, self.score)
        return scores.masked_fill(~mask.unsqueeze(1), float("-inf")).softmax(-1) @ sequence
