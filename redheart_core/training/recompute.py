"""Activations that are computed twice in place of being kept: less memory, the same bits (Chen et al. 2016)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from redheart_core.training.optimizer import node_layers

if TYPE_CHECKING:
    from redheart_core.training.group_trainer import GroupTrainer


def recompute(trainer: GroupTrainer) -> None:
    """From now on compute the inside of each layer that a plugin declares again in the backward pass.

    Of a node that declares none, all of it. Random numbers are those of the first pass.
    """
    for node in trainer.group.nodes:
        module = trainer.module.nodes[node.name]
        recompute_layers(module, node_layers(node, [name for name, _ in module.named_parameters()]))
    trainer.recomputes = True


def recompute_layers(module: nn.Module, names: Sequence[str]) -> None:
    """In training, compute what is inside of these layers again in the backward pass; of all the module without any."""
    for layer in [layer for name, layer in module.named_modules() if name in names] or [module]:
        layer.forward = partial(_recomputed, layer, layer.forward)


def _recomputed(layer: nn.Module, forward: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    if not (layer.training and torch.is_grad_enabled()):
        return forward(*args, **kwargs)
    return checkpoint(forward, *args, use_reentrant=False, **kwargs)
