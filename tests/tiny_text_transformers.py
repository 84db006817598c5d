"""text_transformer on folders of tiny encoders: what it is built in, and texts as tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tiny_encoders import WIDTH

from redheart_core import CATALOGUE, BuildContext
from redheart_core.contract.data import Tokenizer
from redheart_core.data.tokenizer import open_tokenizer
from redheart_core.groups.binding import bind_node
from redheart_text_transformer import redheart_provide_analyzers
from redheart_text_transformer.settings import TextTransformerSettings

WORDS = ("calm", "kind", "late", "cruel", "brave", "poor")
FIELDS = {name: CATALOGUE[name] for name in ("regret", "ekman")}
TOKENS = torch.tensor([[4, 5, 6, 7], [8, 9, -1, -1], [5, -1, -1, -1]])
"""Three texts, (3, 4), -1 for padding."""


def context(folder: Path | str, tokenizer: Tokenizer | None = None, **changes: Any) -> BuildContext:
    """For the encoder in a folder, with some settings changed; its own tokenizer if none is given."""
    options: dict[str, Any] = {"model": str(folder), "width": WIDTH, "window": 32}
    settings = TextTransformerSettings(**options | changes)
    known = open_tokenizer(str(folder)).identity if tokenizer is None else tokenizer
    (spec,) = redheart_provide_analyzers()
    wanted = frozenset(output.name for output in bind_node(spec, FIELDS).gives)
    return BuildContext(settings, "tiny", {"tokens": ("L",)}, FIELDS, wanted, known)
