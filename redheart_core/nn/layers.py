"""Building blocks of the first-party modules: chains, attention, recurrence, mixtures, bounded outputs.

Shapes: B records, T chunks, C copies, W width. A mask is (B, T) bool, True for real
chunks, which come first; what stands at padded places never reaches a result. Biases
that a softmax would cancel (of keys and of pooling scores) do not exist, so that every
parameter gets a gradient.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from redheart_core.contract.errors import SettingsError


class RecordDropout(nn.Module):
    """Dropout that treats all chunks of a record alike: (B, W) or (B, T, W) to the same shape.

    One mask per record (Gal and Ghahramani 2016) costs T times fewer random numbers, which
    are the slowest part of a small step on a CPU, and does not depend on padding.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.mask = nn.Dropout(share)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or x.dim() == 2:
            return self.mask(x)  # type: ignore[no-any-return] # nn.Module.__call__ gives Any
        return x * self.mask(x.new_ones(x.shape[0], 1, x.shape[2]))  # type: ignore[no-any-return] # as above


def mlp(*widths: int, dropout: float = 0.0) -> nn.Sequential:
    """Linear layers with LayerNorm and GELU after each but the last, and dropout after the first."""
    layers: list[nn.Module] = []
    for width_in, width_out in itertools.pairwise(widths[:-1]):
        layers += [nn.Linear(width_in, width_out), nn.LayerNorm(width_out), nn.GELU()]
    return nn.Sequential(*layers[:3], RecordDropout(dropout), *layers[3:], nn.Linear(widths[-2], widths[-1]))


def trunk(*widths: int, dropout: float = 0.0) -> nn.Sequential:
    """An mlp whose result is normalised too, for others to read."""
    return nn.Sequential(*mlp(*widths, dropout=dropout), nn.LayerNorm(widths[-1]))


class ParallelLinear(nn.Module):
    """C independent linear layers in one matrix product: (C, B, in) to (C, B, out)."""

    def __init__(self, copies: int, width_in: int, width_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(copies, width_in, width_out))
        self.bias = nn.Parameter(torch.empty(copies * width_out))  # a vector, as weight decay spares vectors
        bound = width_in**-0.5  # that of nn.Linear
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        return torch.baddbmm(self.bias.view(len(self.weight), 1, -1), x, self.weight)


class ParallelNorm(nn.Module):
    """C independent layer norms: (C, B, W) to (C, B, W)."""

    def __init__(self, copies: int, width: int) -> None:
        super().__init__()
        self.width = width
        self.weight = nn.Parameter(torch.ones(copies * width))
        self.bias = nn.Parameter(torch.zeros(copies * width))

    def forward(self, x: Tensor) -> Tensor:
        shape = (-1, 1, self.width)
        return torch.addcmul(self.bias.view(shape), F.layer_norm(x, (self.width,)), self.weight.view(shape))


class ParallelMlp(nn.Module):
    """C independent copies of mlp that all read the same vector, or one each.

    (B, in) or (B, C, in) to (B, C, out). One call instead of C, so that many small
    experts or ensemble members cost little more than one.
    """

    def __init__(self, copies: int, *widths: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.copies = copies
        layers: list[nn.Module] = []
        for width_in, width_out in itertools.pairwise(widths[:-1]):
            layers += [ParallelLinear(copies, width_in, width_out), ParallelNorm(copies, width_out), nn.GELU()]
        last = ParallelLinear(copies, widths[-2], widths[-1])
        self.layers = nn.Sequential(*layers[:3], nn.Dropout(dropout), *layers[3:], last)

    def forward(self, x: Tensor) -> Tensor:
        stacked = x.expand(self.copies, *x.shape) if x.dim() == 2 else x.transpose(0, 1)
        result: Tensor = self.layers(stacked)
        return result.transpose(0, 1)


class Residual(nn.Module):
    """x + mlp(norm(x)) with one hidden layer: (..., W) to (..., W)."""

    def __init__(self, width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.inner = nn.Sequential(
            nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width), RecordDropout(dropout)
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.inner(self.norm(x))  # type: ignore[no-any-return] # nn.Module.__call__ gives Any


def masked_mean(sequence: Tensor, mask: Tensor) -> Tensor:
    """Mean over the real chunks: (B, T, W) to (B, W)."""
    weights = mask.to(sequence.dtype)
    return torch.einsum("btw,bt->bw", sequence, weights / weights.sum(1, keepdim=True))


class LinearSkips(nn.Module):
    """Linear maps of the mean chunk, to be added to a module's answers: (B, T, D) to (B, size) for each name.

    A record's numbers are scaled to a root mean square of one and partly dropped in
    training, which regularises the maps like a ridge penalty (Wager et al. 2013). The maps
    begin at 0 and carry an answer past all nonlinear layers, which need more records.

    Args:
        width_in: D.
        sizes: Name of an answer to its numbers.
        dropout: Share of a record's D numbers dropped in training.
    """

    def __init__(self, width_in: int, sizes: Mapping[str, int], dropout: float) -> None:
        super().__init__()
        self.dropout = RecordDropout(dropout)
        self.maps = nn.ModuleDict({name: nn.Linear(width_in, size, bias=False) for name, size in sizes.items()})
        for parameter in self.parameters():
            nn.init.zeros_(parameter)

    def forward(self, sequence: Tensor, mask: Tensor) -> dict[str, Tensor]:
        mean = self.dropout(masked_mean(sequence, mask) * self._scale(sequence, mask))
        return {name: answer(mean) for name, answer in self.maps.items()}

    def by_chunk(self, sequence: Tensor, mask: Tensor) -> dict[str, Tensor]:
        """The same maps of each chunk, (B, T, size); their mean over the real chunks is what forward gives."""
        scaled = self.dropout(sequence * self._scale(sequence, mask).unsqueeze(1))
        return {name: answer(scaled) for name, answer in self.maps.items()}

    def _scale(self, sequence: Tensor, mask: Tensor) -> Tensor:
        """One over the root mean square of a record's real chunks: (B, 1)."""
        square = masked_mean(sequence.square(), mask).mean(-1, keepdim=True)
        return (square + torch.finfo(square.dtype).eps).rsqrt()


def last_chunk(sequence: Tensor, mask: Tensor) -> Tensor:
    """What stands at the last real chunk: (B, T, W) to (B, W)."""
    last = mask.sum(1) - 1
    return sequence.gather(1, last.view(-1, 1, 1).expand(-1, 1, sequence.shape[-1])).squeeze(1)


def with_positions(sequence: Tensor) -> Tensor:
    """Add sinusoids of the chunk's number (Vaswani et al. 2017), which know no greatest length: (B, T, W)."""
    count, width = sequence.shape[1:]
    half = (width + 1) // 2
    steps = torch.arange(half, device=sequence.device, dtype=sequence.dtype)
    rates = torch.exp(steps * (-math.log(10_000.0) / half))
    angles = torch.arange(count, device=sequence.device, dtype=sequence.dtype).unsqueeze(1) * rates
    return sequence + torch.cat([angles.sin(), angles.cos()], 1)[:, :width]


def reversed_places(mask: Tensor) -> Tensor:
    """For each place the one that it swaps with when the real chunks are reversed: (B, T) int64."""
    places = torch.arange(mask.shape[1], device=mask.device).expand(mask.shape)
    return torch.where(mask, mask.sum(1, keepdim=True) - 1 - places, places)


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


class Recurrent(nn.Module):
    """LSTM layers over the chunks: (B, T, in) to the states (B, T, width x directions).

    Real chunks come first, so a forward LSTM meets padding only after them; a backward one
    reads each text from its own last chunk. Both therefore run on padded tensors, which is
    more than twice as fast on a CPU as packed ones. States at padded places mean nothing.
    """

    def __init__(self, width_in: int, width: int, layers: int, *, both_ways: bool = False) -> None:
        super().__init__()
        directions = 2 if both_ways else 1
        widths = [width_in, *[width * directions] * (layers - 1)]
        self.forwards = nn.ModuleList(nn.LSTM(size, width, batch_first=True) for size in widths)
        self.backwards = nn.ModuleList(nn.LSTM(size, width, batch_first=True) for size in widths if both_ways)

    def forward(self, sequence: Tensor, mask: Tensor) -> Tensor:
        if not self.backwards:
            for forwards in self.forwards:
                sequence, _ = forwards(sequence)
            return sequence
        order = reversed_places(mask).unsqueeze(-1)
        for forwards, backwards in zip(self.forwards, self.backwards, strict=True):
            seen, _ = forwards(sequence)
            awaited, _ = backwards(sequence.gather(1, order.expand_as(sequence)))
            sequence = torch.cat([seen, awaited.gather(1, order.expand_as(awaited))], -1)
        return sequence


class Mixture(nn.Module):
    """A dense mixture of experts: (B, in) to the gated sum (B, out) and the gate (B, E), which sums to one."""

    def __init__(self, experts: int, *widths: int, gate_hidden: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.gate = mlp(widths[0], gate_hidden, experts)
        self.experts = ParallelMlp(experts, *widths, dropout=dropout)

    def forward(self, x: Tensor, emphasis: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Mix the experts, each first multiplied by its emphasis (B, E) if there is one."""
        gate: Tensor = self.gate(x).softmax(-1)
        weights = gate if emphasis is None else gate * emphasis
        return torch.einsum("be,beo->bo", weights, self.experts(x)), gate


def band(x: Tensor, low: float, high: float) -> Tensor:
    """Any number into low..high on a logarithmic scale, low (high / low)^sigmoid(x), with 0 < low < high."""
    return low * (high / low) ** x.sigmoid()


def ordered(x: Tensor) -> Tensor:
    """Three free numbers (B, 3) into a low, a middle and a high one, in this order: the gaps are softplus."""
    low_gap, middle, high_gap = x.unbind(-1)
    return torch.stack([middle - F.softplus(low_gap), middle, middle + F.softplus(high_gap)], -1)
