"""Which weights a group answers with, by their content."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor

from redheart_core.groups.group_module import Answering


def weights_digest(module: Answering) -> str:
    """SHA-256 of everything that a group's answers depend on beside its inputs: checkpoints and honest answers."""
    digest = hashlib.sha256()
    honest = {} if module.honest is None else module.honest.tensors()
    for number, tensors in enumerate((honest, *module.weights)):
        for name in sorted(tensors):
            tensor = tensors[name].detach().cpu()
            digest.update(f"{number} {name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
            digest.update(_bytes(tensor))
    return digest.hexdigest()


def _bytes(tensor: Tensor) -> memoryview:
    return tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data
