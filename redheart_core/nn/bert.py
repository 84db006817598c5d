"""The encoder of BERT (Devlin et al. 2019), with the names that its files give to the weights.

The same numbers as those of the transformers library bit for bit, which takes three seconds to load and, on a short
text, as long for its own checks as for the products.

Shapes: B texts, T tokens, H the width, N heads.
"""

from __future__ import annotations

from typing import NamedTuple

import attrs
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from redheart_core.nn.feed_forward import FeedForward, HasFeedForward

INITIAL_DEVIATION = 0.02


@attrs.frozen
class BertShape:
    """Sizes and shares, by the names of config.json; those that it leaves out are as in the first BERT."""

    vocab_size: int = 30522
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    pad_token_id: int = 0
    layer_norm_eps: float = 1e-12
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1


class States(NamedTuple):
    """What an encoder gives, as classes of the transformers library name it."""

    last_hidden_state: Tensor
    """(B, T, H)."""


class Bert(nn.Module):
    """Embeddings and layers, without the pooler; weights are what memory holds until they are read or drawn.

    Args:
        shape: Its sizes.
        checkpointing: Compute activations again in the backward pass.
    """

    def __init__(self, shape: BertShape, *, checkpointing: bool = False) -> None:
        super().__init__()
        self.checkpointing = checkpointing
        self.embeddings = _Embeddings(shape)
        self.encoder = _Layers(shape)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> States:
        """(B, T) ids and a mask, not 0 for real tokens, to the states."""
        states = self.embeddings(input_ids)
        real = attention_mask.bool()
        # without a mask where nothing is padded, which lets torch take its fastest kernel
        padded = torch.compiler.is_exporting() or not bool(real.all())
        seen = real[:, None, None, :].expand(-1, -1, real.shape[1], -1) if padded else None
        for layer in self.encoder.layer:
            if self.checkpointing and layer.training:
                states = checkpoint(layer, states, seen, use_reentrant=False)
            else:
                states = layer(states, seen)
        return States(states)

    @torch.no_grad()
    def initialise(self) -> None:
        """Draw the weights, as BERT begins."""
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                module.weight.normal_(std=INITIAL_DEVIATION)
            if isinstance(module, nn.Linear):
                module.bias.zero_()
        words = self.embeddings.word_embeddings
        words.weight[words.padding_idx].zero_()


class _Linear(nn.Linear):
    def reset_parameters(self) -> None:
        """Draw nothing."""


class _Embedding(nn.Embedding):
    def reset_parameters(self) -> None:
        """Draw nothing."""


class _Embeddings(nn.Module):
    def __init__(self, shape: BertShape) -> None:
        super().__init__()
        self.word_embeddings = _Embedding(shape.vocab_size, shape.hidden_size, shape.pad_token_id)
        self.position_embeddings = _Embedding(shape.max_position_embeddings, shape.hidden_size)
        self.token_type_embeddings = _Embedding(shape.type_vocab_size, shape.hidden_size)
        self.LayerNorm = nn.LayerNorm(shape.hidden_size, shape.layer_norm_eps)
        self.dropout = nn.Dropout(shape.hidden_dropout_prob)

    def forward(self, ids: Tensor) -> Tensor:
        first = self.word_embeddings(ids) + self.token_type_embeddings.weight[0]
        states: Tensor = self.LayerNorm(first + self.position_embeddings.weight[: ids.shape[1]])
        dropped: Tensor = self.dropout(states)
        return dropped


class _Layers(nn.Module):
    def __init__(self, shape: BertShape) -> None:
        super().__init__()
        self.layer = nn.ModuleList(_Layer(shape) for _ in range(shape.num_hidden_layers))


class _Layer(HasFeedForward):
    def __init__(self, shape: BertShape) -> None:
        super().__init__()
        self.attention = _Attended(shape)
        self.intermediate = _Widened(shape)
        self.output = _Added(shape.intermediate_size, shape)

    def feed_forward(self) -> tuple[FeedForward]:
        return (FeedForward(self, "intermediate.dense", "output.dense"),)

    def forward(self, states: Tensor, seen: Tensor | None) -> Tensor:
        attended = self.attention(states, seen)
        found: Tensor = self.output(self.intermediate(attended), attended)
        return found


class _Widened(nn.Module):
    def __init__(self, shape: BertShape) -> None:
        super().__init__()
        self.dense = _Linear(shape.hidden_size, shape.intermediate_size)

    def forward(self, states: Tensor) -> Tensor:
        return F.gelu(self.dense(states))


class _Attended(nn.Module):
    def __init__(self, shape: BertShape) -> None:
        super().__init__()
        self.self = _Attention(shape)
        self.output = _Added(shape.hidden_size, shape)

    def forward(self, states: Tensor, seen: Tensor | None) -> Tensor:
        found: Tensor = self.output(self.self(states, seen), states)
        return found


class _Attention(nn.Module):
    def __init__(self, shape: BertShape) -> None:
        super().__init__()
        self.width = shape.hidden_size // shape.num_attention_heads
        self.dropout = nn.Dropout(shape.attention_probs_dropout_prob)
        self.query = _Linear(shape.hidden_size, shape.hidden_size)
        self.key = _Linear(shape.hidden_size, shape.hidden_size)
        self.value = _Linear(shape.hidden_size, shape.hidden_size)

    def forward(self, states: Tensor, seen: Tensor | None) -> Tensor:
        heads = (*states.shape[:2], -1, self.width)
        query, key, value = (layer(states).view(heads).transpose(1, 2) for layer in (self.query, self.key, self.value))
        dropped = self.dropout.p if self.training else 0.0
        found = F.scaled_dot_product_attention(query, key, value, seen, dropped, scale=self.width**-0.5)
        return found.transpose(1, 2).reshape(states.shape)


class _Added(nn.Module):
    """A linear layer whose result is added to what went in before, and normalised."""

    def __init__(self, width_in: int, shape: BertShape) -> None:
        super().__init__()
        self.dense = _Linear(width_in, shape.hidden_size)
        self.LayerNorm = nn.LayerNorm(shape.hidden_size, shape.layer_norm_eps)
        self.dropout = nn.Dropout(shape.hidden_dropout_prob)

    def forward(self, x: Tensor, before: Tensor) -> Tensor:
        found: Tensor = self.LayerNorm(self.dropout(self.dense(x)) + before)
        return found
