"""Tokens to answers: an encoder's states, pooled by attention over all windows of a text, and a map for each field.

Shapes: B texts, M windows, W tokens of a window, H the encoder's width.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn

from redheart_core import Field
from redheart_core.contract.data import Tokenizer
from redheart_core.nn.answers import finish, size_of
from redheart_core.nn.named import Named
from redheart_text_transformer.windows import cut

GAIN = 10.0
"""Factor on the maps to the answers, whose first weights are as much smaller: a step of AdamW moves all weights alike,
and new maps have further to go than those of the encoder."""


class TextTransformer(nn.Module):
    """An encoder with an answer on each field.

    Args:
        base: Called with input_ids and attention_mask, (M, W) each, it gives an object with last_hidden_state
            (M, W, H).
        width: H.
        fields: What is answered.
        tokenizer: Of the tokens.
        window: Longest window with its frame.
        windows: Windows of a text, at most.
        dropout: Share of the features that the answers lose in training.
    """

    def __init__(
        self,
        *,
        base: nn.Module,
        width: int,
        fields: Mapping[str, Field],
        tokenizer: Tokenizer,
        window: int,
        windows: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.base = base
        self.fields = dict(fields)
        self.tokenizer, self.window, self.windows = tokenizer, window, windows
        self.query = nn.Parameter(torch.zeros(width))
        self.dropout = nn.Dropout(dropout)
        self.heads = Named({name: nn.Linear(width, size_of(field)) for name, field in fields.items()})
        with torch.no_grad():
            for parameter in self.heads.parameters():
                parameter.div_(GAIN)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """(B, L) tokens to the features (B, H) and the outputs of each field; in float32, whatever the encoder's is."""
        features = self.features(inputs["tokens"])
        outputs = {"features": features}
        with _without_autocast(features):
            read = self.dropout(features)
            for name, field in self.fields.items():
                outputs |= finish(field, GAIN * self.heads[name](read))
        return outputs

    def features(self, tokens: Tensor) -> Tensor:
        """(B, L) to (B, H): the mean of the states, weighted by attention to a learnt query, at the start evenly."""
        states, mask = self._states(tokens)
        with _without_autocast(states):
            scores = (states @ self.query).masked_fill(~mask, float("-inf"))
            return torch.einsum("bt,bth->bh", scores.softmax(-1), states)

    def _states(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Those of all windows of a text side by side, (B, M W, H) float32, and which are real, (B, M W)."""
        found = cut(tokens, self.tokenizer, self.window, self.windows)
        states = self.base(input_ids=found.ids, attention_mask=found.mask.long()).last_hidden_state.float()
        mask = found.mask
        if torch.compiler.is_exporting() or len(states) != len(tokens):
            most = cast("int", found.place.max().item())  # an export has a symbol in its place, which int() refuses
            size = (tokens.shape[0], most + 1, states.shape[1])
            where = (found.text, found.place)
            states = states.new_zeros((*size, states.shape[2])).index_put(where, states).flatten(1, 2)
            mask = mask.new_zeros(size).index_put(where, mask).flatten(1)
        return states, mask


def _without_autocast(tensor: Tensor) -> torch.autocast:
    """Inside, products are in float32: those of all but the encoder cost little."""
    return torch.autocast(tensor.device.type, enabled=False)
