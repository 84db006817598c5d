"""Text to the answer on one field: a state of the text, linear maps of the mean chunk, and a view of its terms.

Shapes: B records, T chunks, D the embedding's width, W a network's, V terms.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from redheart_core import Field
from redheart_core.nn.answers import finish, size_of
from redheart_core.nn.attention import AttentionPooling, TransformerLayer
from redheart_core.nn.chunks import last_chunk, masked_mean, with_positions
from redheart_core.nn.growing import (
    features_read,
    grow_chain,
    grow_layers,
    grow_linear,
    grow_norm,
    grow_own,
    grow_pooling,
    grow_recurrent,
    grow_same,
)
from redheart_core.nn.growing_axes import Axis
from redheart_core.nn.layers import LinearSkips, RecordDropout, mlp, trunk
from redheart_core.nn.recurrent import Recurrent

TERM_GAIN = 10.0
"""Factor on the terms, whose weights make up about the length 1 over thousands of columns: a step of AdamW moves all
weights of a map alike, and the factor says how far the answer moves with them."""
SKIP_GAIN = 0.3
"""The same for the linear map of the mean chunk, whose D numbers have a root mean square of one."""
FIRST_ANSWERS = 0.1
"""Factor on the first weights of the network's last layer, so that training begins near one answer for all."""


class TermMap(nn.Module):
    """A linear map of the terms without bias: (B, V) to (B, size).

    In training the same columns are dropped for a whole batch, which takes V random numbers instead of B V.
    """

    def __init__(self, terms: int, size: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.weight = nn.Parameter(torch.zeros(size, terms))

    def forward(self, terms: Tensor) -> Tensor:
        columns = self.dropout(self.weight.new_full((1, terms.shape[1]), TERM_GAIN))
        return F.linear(terms, self.weight * columns)

    @torch.no_grad()
    def grow_from(self, smaller: TermMap) -> Axis:
        """What it gives then; new numbers are 0."""
        self.weight.zero_()
        self.weight[: len(smaller.weight)] = smaller.weight
        return Axis.padded(len(smaller.weight), len(self.weight), silent=True)


class PooledState(nn.Module):
    """The mean chunk through a trunk: (B, T, D) to (B, W)."""

    def __init__(self, width_in: int, width: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.trunk = trunk(width_in, *[width] * (layers + 1), dropout=dropout)

    def forward(self, embedding: Tensor, mask: Tensor) -> Tensor:
        return self.trunk(masked_mean(embedding, mask))  # type: ignore[no-any-return] # nn.Module.__call__ gives Any

    def grow_from(self, smaller: PooledState) -> Axis:
        """What it gives then."""
        return grow_chain(self.trunk, smaller.trunk, features_read(self.trunk, smaller.trunk))


class WithStart(nn.Module):
    """Projects the chunks and puts a learned one in front: (B, T, D) and (B, T) to (B, 1 + T, W) and (B, 1 + T).

    So a text of one chunk, as most comments are, is a sequence too, on which attention and recurrence learn.
    """

    def __init__(self, width_in: int, width: int) -> None:
        super().__init__()
        self.project = nn.Linear(width_in, width)
        self.norm = nn.LayerNorm(width)
        self.start = nn.Parameter(torch.empty(width))
        nn.init.normal_(self.start)

    def forward(self, embedding: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        start = self.start.expand(embedding.shape[0], 1, -1)
        sequence = torch.cat([start, self.norm(self.project(embedding))], 1)
        return sequence, torch.cat([mask.new_ones(mask.shape[0], 1), mask], 1)

    def grow_from(self, smaller: WithStart, rows: Axis) -> Axis:
        """What it gives then; new units are 0."""
        grow_own(self, smaller, rows)
        columns = features_read(self.project, smaller.project)
        grow_linear(self.project, smaller.project, columns, rows, "mean", rows.spread)
        return grow_norm(self.norm, smaller.norm, rows)


class AttentiveState(nn.Module):
    """Transformer layers and attention pooling over the chunks: (B, T, D) to (B, W)."""

    def __init__(
        self, *, width_in: int, width: int, heads: int, layers: int, position_width: int, dropout: float
    ) -> None:
        super().__init__()
        self.position_width = position_width
        self.chunks = WithStart(width_in, width)
        self.layers = nn.ModuleList(TransformerLayer(width, heads, 2 * width, dropout) for _ in range(layers))
        self.pool = AttentionPooling(width, max(width // 4, 1))
        self.norm = nn.LayerNorm(width)

    def forward(self, embedding: Tensor, mask: Tensor) -> Tensor:
        sequence, mask = self.chunks(embedding, mask)
        sequence = with_positions(sequence, self.position_width)
        for layer in self.layers:
            sequence = layer(sequence, mask)
        return self.norm(self.pool(sequence, mask).squeeze(1))  # type: ignore[no-any-return] # as above

    def grow_from(self, smaller: AttentiveState) -> Axis:
        """What it gives then."""
        stream = Axis.repeated(len(smaller.chunks.start), len(self.chunks.start))
        self.chunks.grow_from(smaller.chunks, stream)
        grow_layers(self.layers, smaller.layers, stream)
        grow_pooling(self.pool, smaller.pool, stream)
        return grow_norm(self.norm, smaller.norm, stream)


class RecurrentState(nn.Module):
    """A bidirectional LSTM over the chunks, its mean and its last states: (B, T, D) to (B, 4 W)."""

    def __init__(self, width_in: int, width: int, layers: int) -> None:
        super().__init__()
        self.chunks = WithStart(width_in, width)
        self.lstm = Recurrent(width, width, layers, both_ways=True)

    def forward(self, embedding: Tensor, mask: Tensor) -> Tensor:
        sequence, mask = self.chunks(embedding, mask)
        states = self.lstm(sequence, mask)
        forwards, backwards = states.chunk(2, -1)
        last = torch.cat([last_chunk(forwards, mask), backwards[:, 0]], -1)
        return torch.cat([masked_mean(states, mask), last], -1)

    def grow_from(self, smaller: RecurrentState) -> Axis:
        """What it gives then."""
        rows = Axis.padded(len(smaller.chunks.start), len(self.chunks.start))
        states = grow_recurrent(self.lstm, smaller.lstm, self.chunks.grow_from(smaller.chunks, rows))
        return Axis.joined(states, states)


class TextTask(nn.Module):
    """The answer on a field: a network on the state of the text, plus linear maps.

    Args:
        field: What is answered; the answer is finish(field, raw numbers).
        width_in: D.
        state: (B, T, D) and (B, T) to (B, state_width).
        state_width: Of the state.
        hidden: Width of the network on the state.
        dropout: Share of the network's activations dropped in training.
        input_dropout: Share of the embedding that the state loses in training.
        skip_dropout: Share of the embedding that the linear map loses in training.
        term_map: A linear map of the terms to the answer, if there is one.
        bottleneck: A linear map of the terms to numbers that the network reads beside the state, if there is one.
    """

    def __init__(
        self,
        *,
        field: Field,
        width_in: int,
        state: nn.Module,
        state_width: int,
        hidden: int,
        dropout: float,
        input_dropout: float,
        skip_dropout: float,
        term_map: TermMap | None = None,
        bottleneck: TermMap | None = None,
    ) -> None:
        super().__init__()
        self.field = field
        self.input_dropout = RecordDropout(input_dropout)
        self.state = state
        self.term_map, self.bottleneck = term_map, bottleneck
        reads = state_width + (0 if bottleneck is None else len(bottleneck.weight))
        self.answer = mlp(reads, hidden, size_of(field), dropout=dropout)
        with torch.no_grad():
            for parameter in self.answer[-1].parameters():
                parameter.mul_(FIRST_ANSWERS)
        self.skips = LinearSkips(width_in, {field.name: size_of(field)}, skip_dropout)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """(B, T, D), and (B, V) where terms are read, to the outputs of answer_outputs."""
        embedding, mask = inputs["embedding"], inputs["mask"]
        state = self.state(self.input_dropout(embedding), mask)
        if self.bottleneck is not None:
            state = torch.cat([state, F.gelu(self.bottleneck(inputs["terms"]))], -1)
        raw = self.answer(state) + SKIP_GAIN * self.skips(embedding, mask)[self.field.name]
        if self.term_map is not None:
            raw = raw + self.term_map(inputs["terms"])
        return finish(self.field, raw)

    def grow_from(self, smaller: TextTask) -> None:
        """Take over what a smaller one computes."""
        assert isinstance(self.state, PooledState | AttentiveState | RecurrentState)
        state = self.state.grow_from(smaller.state)  # type: ignore[arg-type] # of the same class
        if self.bottleneck is not None:
            assert smaller.bottleneck is not None
            state = Axis.joined(state, self.bottleneck.grow_from(smaller.bottleneck))
        grow_chain(self.answer, smaller.answer, state)
        grow_same(self.skips, smaller.skips)
        if self.term_map is not None:
            assert smaller.term_map is not None
            self.term_map.grow_from(smaller.term_map)
