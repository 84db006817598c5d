"""The state that AdamW begins with, and what one that is loaded has to be."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from redheart_core.training.low_bits import LowBitAdamW, state_layout


def create_state(optimizer: torch.optim.AdamW) -> None:
    """Create what the fused AdamW creates in its first update, for each parameter with a gradient that has none yet.

    Its own update creates it in the midst of changing weights, where a lack of memory would leave half of an update.
    """
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            if parameter.grad is not None and parameter not in optimizer.state:
                if isinstance(optimizer, LowBitAdamW) and parameter in optimizer.few:
                    optimizer.state[parameter] = optimizer.new_state(parameter)
                    continue
                optimizer.state[parameter] = {
                    "step": torch.zeros((), dtype=torch.float32, device=parameter.device),
                    "exp_avg": torch.zeros_like(parameter, memory_format=torch.preserve_format),
                    "exp_avg_sq": torch.zeros_like(parameter, memory_format=torch.preserve_format),
                }


def misfits(optimizer: torch.optim.AdamW, parameter: Tensor, state: Mapping[str, Tensor]) -> list[str]:
    """What of a parameter's loaded state is missing, unknown or of another kind than the optimizer has, for people."""
    layout = state_layout(parameter, optimizer.bits if isinstance(optimizer, LowBitAdamW) else 32)
    found = {key: (tensor.shape, tensor.dtype) for key, tensor in state.items()}
    return [
        f"{key}: {_shown(layout.get(key))} expected, got {_shown(found.get(key))}"
        for key in sorted({*layout, *found})
        if layout.get(key) != found.get(key)
    ]


def _shown(kind: tuple[torch.Size, torch.dtype] | None) -> str:
    return "nothing" if kind is None else f"{tuple(kind[0])} {str(kind[1]).removeprefix('torch.')}"
