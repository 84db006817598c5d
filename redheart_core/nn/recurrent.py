"""Recurrence over the chunks of a text.

Shapes: B records, T chunks, W width. A mask is (B, T) bool, True for real chunks, which come first.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from redheart_core.nn.chunks import reversed_places


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
                sequence = lstm_states(forwards, sequence)
            return sequence
        order = reversed_places(mask).unsqueeze(-1)
        for forwards, backwards in zip(self.forwards, self.backwards, strict=True):
            seen = lstm_states(forwards, sequence)
            awaited = lstm_states(backwards, sequence.gather(1, order.expand_as(sequence)))
            sequence = torch.cat([seen, awaited.gather(1, order.expand_as(awaited))], -1)
        return sequence


def lstm_states(lstm: nn.Module, sequence: Tensor) -> Tensor:
    """The states of an LSTM of one layer, (B, T, in) to (B, T, W).

    Exported, it is the operator LSTM of ONNX: torch.export has no recurrence of a length that it does not know, and
    writes out one step after another instead.
    """
    if torch.onnx.is_in_onnx_export():
        return _operator("LSTM", {}, gates_of_onnx, lstm, sequence)
    states: Tensor = lstm(sequence)[0]
    return states


def gru_states(gru: nn.Module, sequence: Tensor) -> Tensor:
    """The states of a GRU of one layer, (B, T, in) to (B, T, W); exported as lstm_states."""
    if torch.onnx.is_in_onnx_export():
        # the reset gate is applied behind the matrix product, as torch does it
        return _operator("GRU", {"linear_before_reset": 1}, gru_gates_of_onnx, gru, sequence)
    states: Tensor = gru(sequence)[0]
    return states


def _operator(
    name: str, options: dict[str, int], reorder: Callable[[Tensor], Tensor], layer: nn.Module, sequence: Tensor
) -> Tensor:
    """A recurrent layer as an operator of ONNX, its gates put into the order there."""
    weights = {key: reorder(tensor).unsqueeze(0) for key, tensor in layer.named_parameters()}
    biases = torch.cat([weights["bias_ih_l0"], weights["bias_hh_l0"]], 1)
    batch, steps, width = *sequence.shape[:2], weights["weight_hh_l0"].shape[-1]
    found: Tensor = torch.onnx.ops.symbolic(
        name,
        (sequence.transpose(0, 1), weights["weight_ih_l0"], weights["weight_hh_l0"], biases),
        {"hidden_size": width, **options},
        dtype=sequence.dtype,
        shape=(steps, 1, batch, width),
    )
    return found.squeeze(1).transpose(0, 1)


def gates_of_onnx(tensor: Tensor) -> Tensor:
    """Rows for the input, forget, cell and output gate, in the order of ONNX: input, output, forget, cell."""
    width = tensor.shape[0] // 4
    return torch.cat([tensor[place * width : (place + 1) * width] for place in (0, 3, 1, 2)])


def gru_gates_of_onnx(tensor: Tensor) -> Tensor:
    """Rows for the reset, update and new gate, in the order of ONNX: update, reset, new."""
    reset, update, new = tensor.chunk(3)
    return torch.cat([update, reset, new])
