"""Fixtures of tests that train a tiny encoder of the transformers library on toy records."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_encoders import write_encoder
from toy import WORDS, Toy


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    """Makers of toy stores, nodes and runs."""
    return Toy(tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An encoder that knows the words of the toy records."""
    return write_encoder(tmp_path / "bert", WORDS)
