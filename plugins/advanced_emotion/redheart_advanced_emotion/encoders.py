"""Text, time series and pictures into one vector each, with what is missing masked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from redheart_core.contract.tensors import fill_missing_input
from redheart_core.nn.attention import AttentionPooling, TransformerLayer
from redheart_core.nn.chunks import with_positions
from redheart_core.nn.growing import (
    features_read,
    grow_chain,
    grow_convolution,
    grow_layers,
    grow_norm,
    grow_pooling,
)
from redheart_core.nn.growing_axes import Axis
from redheart_core.nn.layers import trunk


class TextEncoder(nn.Module):
    """Chunks with positions through pre-norm transformer layers and a final norm: (B, T, D) to (B, T, W).

    Sines and cosines of positions are repeated by themselves, as the states of an LSTM are of each direction.
    """

    def __init__(
        self, *, width_in: int, width: int, position_width: int, heads: int, layers: int, dropout: float
    ) -> None:
        super().__init__()
        self.position_width = position_width
        self.entry = trunk(width_in, width, dropout=dropout)
        self.layers = nn.ModuleList(TransformerLayer(width, heads, 4 * width, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, embedding: Tensor, mask: Tensor) -> Tensor:
        sequence = self.entry(embedding)
        waves = with_positions(sequence.new_zeros(1, sequence.shape[1], self.position_width))
        waves = waves.reshape(1, -1, 2, self.position_width // 2)
        sequence = sequence + waves.repeat(1, 1, 1, sequence.shape[-1] // self.position_width).flatten(2)
        for layer in self.layers:
            sequence = layer(sequence, mask)
        return self.norm(sequence)  # type: ignore[no-any-return] # nn.Module.__call__ gives Any

    def grow_from(self, smaller: TextEncoder, stream: Axis) -> None:
        """Take over what a smaller one computes."""
        grow_chain(self.entry, smaller.entry, features_read(self.entry, smaller.entry), stream)
        grow_layers(self.layers, smaller.layers, stream)
        grow_norm(self.norm, smaller.norm, stream)


class ConvEncoder(nn.Module):
    """Strided convolutions over time or over a picture, and a weighted mean over the places.

    Every channel has a second one that says which samples are there, so that a missing sample
    differs from a zero. Norms go over the channels of one place. A place counts if its convolution
    has seen at least one sample.

    Args:
        space: Axes to convolve over: 1 for time, 2 for a picture.
        channels: C of the input.
        widths: Channels after each convolution.
        kernels: Size of each convolution, odd.
        strides: Step of each convolution.
        width: W of the result.
        position_width: Channels of the result that places are written on, the first ones.
    """

    def __init__(
        self,
        *,
        space: Literal[1, 2],
        channels: int,
        widths: tuple[int, int],
        position_width: int,
        kernels: tuple[int, int],
        strides: tuple[int, int],
        width: int,
    ) -> None:
        super().__init__()
        convolution = nn.Conv1d if space == 1 else nn.Conv2d
        self.reach = F.max_pool1d if space == 1 else F.max_pool2d
        self.steps = tuple(zip(kernels, strides, strict=True))
        self.position_width = position_width
        sizes = zip((2 * channels, widths[0]), widths, self.steps, strict=True)
        self.convolutions = nn.ModuleList(
            convolution(size_in, size, kernel, stride, kernel // 2) for size_in, size, (kernel, stride) in sizes
        )
        self.norms = nn.ModuleList(nn.LayerNorm(size) for size in widths)
        self.pool = AttentionPooling(widths[-1], max(widths[-1] // 4, 1))
        self.out = trunk(widths[-1], width)

    def forward(self, signal: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, ...), NaN where missing, to (B, W), 0 for records without the signal, and which have it, (B,)."""
        filled, present = fill_missing_input(signal)
        x = torch.cat([filled, present.to(filled.dtype)], 1)
        seen = present.any(1, keepdim=True).to(filled.dtype)
        for convolution, norm, (kernel, stride) in zip(self.convolutions, self.norms, self.steps, strict=True):
            seen = self.reach(seen, kernel, stride, kernel // 2)
            x = F.gelu(norm(convolution(x).movedim(1, -1)).movedim(-1, 1)) * seen
        places = seen.flatten(1) > 0
        there = places.any(1)
        # a softmax over no place at all would be NaN; the result of such a record is set to 0
        read = x.flatten(2).transpose(1, 2)
        waves = with_positions(read.new_zeros(1, read.shape[1], self.position_width))
        read = read + F.pad(waves, (0, read.shape[-1] - self.position_width))
        pooled = self.pool(read, places | ~there.unsqueeze(1)).squeeze(1)
        return self.out(pooled) * there.unsqueeze(1), there

    def grow_from(self, smaller: ConvEncoder, rows: Axis | None = None) -> Axis:
        """Take over what a smaller one computes; what it gives then, new units beside the old ones unless told."""
        columns = Axis.same(self.convolutions[0].get_parameter("weight").shape[1])
        for new, old, norm, old_norm in zip(
            self.convolutions, smaller.convolutions, self.norms, smaller.norms, strict=True
        ):
            assert isinstance(norm, nn.LayerNorm)
            assert isinstance(old_norm, nn.LayerNorm)
            axis = Axis.padded(*old_norm.normalized_shape, *norm.normalized_shape)
            grow_convolution(new, old, columns, axis, "mean", axis.spread)
            columns = grow_norm(norm, old_norm, axis)
        grow_pooling(self.pool, smaller.pool, columns)
        return grow_chain(self.out, smaller.out, columns, rows)


class BiometricProcessor(nn.Module):
    """Time series of the body, each through convolutions of its own, then fused.

    Args:
        channels: Name of each series that the data set has to its channels.
        width: W of the result.
        position_width: The width at which as many channels would be convolved to as have positions.
    """

    def __init__(self, channels: Mapping[str, int], width: int, position_width: int) -> None:
        super().__init__()
        self.series = nn.ModuleDict(
            {
                name: ConvEncoder(
                    space=1,
                    channels=count,
                    widths=_widths_of_series(width),
                    position_width=_widths_of_series(position_width)[-1],
                    kernels=(7, 3),
                    strides=(4, 2),
                    width=width,
                )
                for name, count in channels.items()
            }
        )
        self.fusion = trunk(len(channels) * (width + 1), 2 * width, width)

    def forward(self, inputs: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Series (B, S, C) each to (B, W) and which records have any of them, (B,)."""
        parts = [encoder(inputs[name].transpose(1, 2)) for name, encoder in self.series.items()]
        flags = torch.stack([there for _, there in parts], 1)
        there = flags.any(1)
        fused = self.fusion(torch.cat([*(vector for vector, _ in parts), flags.to(parts[0][0].dtype)], 1))
        return fused * there.unsqueeze(1), there

    def grow_from(self, smaller: BiometricProcessor, stream: Axis) -> None:
        """Take over what a smaller one computes."""
        read = []
        for name, larger in self.series.items():
            old = smaller.series[name]
            assert isinstance(larger, ConvEncoder)
            assert isinstance(old, ConvEncoder)
            read.append(larger.grow_from(old))
        grow_chain(self.fusion, smaller.fusion, Axis.joined(*read, Axis.same(len(read))), stream)


class AudioEncoder(nn.Module):
    """Convolutions over the frames of a voice: (B, S, C) to (B, W) and which records have it, (B,)."""

    def __init__(self, channels: int, width: int, position_width: int) -> None:
        super().__init__()
        self.frames = ConvEncoder(
            space=1,
            channels=channels,
            widths=_widths(width),
            position_width=_widths(position_width)[-1],
            kernels=(5, 3),
            strides=(2, 2),
            width=width,
        )

    def forward(self, audio: Tensor) -> tuple[Tensor, Tensor]:
        vector, there = self.frames(audio.transpose(1, 2))
        return vector, there


def image_encoder(channels: int, width: int, position_width: int) -> ConvEncoder:
    """Convolutions over a picture (B, C, H, V)."""
    return ConvEncoder(
        space=2,
        channels=channels,
        widths=_widths(width),
        position_width=_widths(position_width)[-1],
        kernels=(3, 3),
        strides=(1, 2),
        width=width,
    )


def _widths_of_series(width: int) -> tuple[int, int]:
    return max(width // 3, 2), max(width * 2 // 3, 2)


def _widths(width: int) -> tuple[int, int]:
    return max(width // 12, 4), max(width // 6, 4)
