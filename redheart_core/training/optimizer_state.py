"""The state that AdamW begins with."""

from __future__ import annotations

import torch


def create_state(optimizer: torch.optim.AdamW) -> None:
    """Create what the fused AdamW creates in its first update, for each parameter with a gradient that has none yet.

    Its own update creates it in the midst of changing weights, where a lack of memory would leave half of an update.
    """
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            if parameter.grad is not None and parameter not in optimizer.state:
                optimizer.state[parameter] = {
                    "step": torch.zeros((), dtype=torch.float32, device=parameter.device),
                    "exp_avg": torch.zeros_like(parameter, memory_format=torch.preserve_format),
                    "exp_avg_sq": torch.zeros_like(parameter, memory_format=torch.preserve_format),
                }
