"""Tokens to answers by convolutions and their greatest values (Kim 2014).

Shapes: B texts, L tokens, W width, F filters.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from redheart_core import Field
from redheart_core.nn.answers import finish, size_of
from redheart_core.nn.growing import grow_convolution, grow_linear
from redheart_core.nn.growing_axes import Axis
from redheart_core.nn.named import Named

SPREAD = 0.1
"""Standard deviation of the first embeddings."""


class TextConvolution(nn.Module):
    """Embeddings, filters of 1 to longest tokens, and a linear map for each field.

    Args:
        size: Ids of tokens are below it.
        width: W.
        filters: F, of each length.
        longest: Of the filters, in tokens.
        tokens: Of a text that are read, at most.
        fields: What is answered.
        token_dropout: Share of a text's tokens that are left out in training.
        dropout: Share of the filters that the answers lose in training.
    """

    def __init__(
        self,
        *,
        size: int,
        width: int,
        filters: int,
        longest: int,
        tokens: int,
        fields: Mapping[str, Field],
        token_dropout: float,
        dropout: float,
    ) -> None:
        super().__init__()
        self.tokens = tokens
        self.embedding = nn.Embedding(size, width)
        nn.init.normal_(self.embedding.weight, std=SPREAD)
        self.token_dropout = nn.Dropout(token_dropout)
        self.convolutions = nn.ModuleList(nn.Conv1d(width, filters, length) for length in range(1, longest + 1))
        self.dropout = nn.Dropout(dropout)
        self.fields = dict(fields)
        self.heads = Named({name: nn.Linear(longest * filters, size_of(field)) for name, field in fields.items()})

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """(B, L) tokens to the outputs of each field."""
        features = self.dropout(self.features(inputs["tokens"]))
        outputs: dict[str, Tensor] = {}
        for name, field in self.fields.items():
            outputs |= finish(field, self.heads[name](features))
        return outputs

    def features(self, tokens: Tensor) -> Tensor:
        """The greatest value of each filter over a text: (B, L) to (B, longest F); zeros stand around the text."""
        tokens = tokens[:, : self.tokens]
        there = tokens >= 0
        kept = self.token_dropout(there.to(self.embedding.weight.dtype))
        embedded = (self.embedding(tokens.clamp(min=0)) * kept.unsqueeze(-1)).transpose(1, 2)
        # a text without a known token is one place of zeros
        places = there | (torch.arange(tokens.shape[1], device=tokens.device) == 0)
        found = []
        for beyond, convolution in enumerate(self.convolutions):
            values = convolution(F.pad(embedded, (0, beyond)))
            found.append(values.masked_fill(~places.unsqueeze(1), float("-inf")).amax(-1))
        return F.gelu(torch.cat(found, -1))

    def grow_from(self, smaller: TextConvolution) -> None:
        """Take over what a smaller one computes; old filters do not see the new numbers of an embedding at first."""
        embedded = Axis.padded(smaller.embedding.embedding_dim, self.embedding.embedding_dim)
        with torch.no_grad():
            self.embedding.weight[:, : smaller.embedding.embedding_dim] = smaller.embedding.weight
        filters = []
        for new, old in zip(self.convolutions, smaller.convolutions, strict=True):
            axis = Axis.padded(*(len(one.get_parameter("bias")) for one in (old, new)))
            grow_convolution(new, old, embedded, axis)
            filters.append(axis)
        for name, head in self.heads.items():
            old = smaller.heads[name]
            grow_linear(head, old, Axis.joined(*filters), Axis.same(len(old.get_parameter("bias"))))
