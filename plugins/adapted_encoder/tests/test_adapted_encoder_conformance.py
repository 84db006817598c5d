"""The contract of plugins, kept by adapted_encoder with a tiny encoder and adapters made on the spot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tiny_adapters import write_adapters
from tiny_encoders import write_encoder

from redheart_core.testing import conformance_tests, real_chunks

pytest.importorskip("transformers", reason="needs pip install 'redheart[transformers]'")


def tiny_settings(folder: Path) -> dict[str, Any]:
    """An encoder of width 16 that knows the words of the texts that it will see, and two adapters."""
    words = sorted({word for chunk in real_chunks() for word in chunk.split()})
    write_encoder(folder / "encoder", tuple(words), max_position_embeddings=256)
    paths = [write_adapters(folder / f"{number}.safetensors", seed=number) for number in range(2)]
    return {"model": str(folder / "encoder"), "adapters": [str(path) for path in paths]}


test_conformance = conformance_tests("adapted_encoder", settings=tiny_settings)
