"""Activations that are computed twice in place of being kept: less memory, the same bits (Chen et al. 2016)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from redheart_core.training.group_trainer import GroupTrainer, _expand


def recompute(trainer: GroupTrainer) -> None:
    """From now on compute the inside of each layer that a plugin declares again in the backward pass.

    Of a node that declares none, all of it. Random numbers are those of the first pass.
    """
    for node in trainer.group.nodes:
        module = trainer.module.nodes[node.name]
        names = [name for name, _ in module.named_parameters()]
        layers = {layer for prefix in node.spec.layers for layer in _expand(prefix, names)}
        chosen = [layer for name, layer in module.named_modules() if name in layers] or [module]
        for layer in chosen:
            layer.forward = partial(_recomputed, layer, layer.forward)
    trainer.recomputes = True


def _recomputed(layer: nn.Module, forward: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    if not (layer.training and torch.is_grad_enabled()):
        return forward(*args, **kwargs)
    return checkpoint(forward, *args, use_reentrant=False, **kwargs)
