"""Adapters for the encoders of tiny_encoders, as a group of text_transformer writes them."""

from __future__ import annotations

from pathlib import Path

import safetensors.torch
import torch
from tiny_encoders import WIDTH

RANK = 2


def write_adapters(path: Path, seed: int = 0, width: int = WIDTH, node: str = "text_transformer") -> Path:
    """A file of adapters for the queries of both layers, and a head beside them, with random numbers."""
    draw = torch.Generator().manual_seed(seed)
    tensors = {f"{node}.heads.regret.bias": torch.zeros(1)}
    for layer in range(2):
        name = f"{node}.base.encoder.layer.{layer}.attention.self.query"
        tensors[f"{name}.lora_A"] = torch.randn(RANK, width, generator=draw)
        tensors[f"{name}.lora_B"] = torch.randn(width, RANK, generator=draw)
    safetensors.torch.save_file(tensors, path)
    return path
