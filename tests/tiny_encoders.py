"""Folders of pretrained encoders small enough for tests, made with random weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import tokenizers
import torch
import transformers

FRAME = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
WIDTH = 16


def write_tokenizer(folder: Path, words: tuple[str, ...], framed: bool = True, **config: Any) -> Path:
    """A folder with a tokenizer of these words, as the transformers library writes it."""
    vocabulary = {word: place for place, word in enumerate([*FRAME, *words])}
    library = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="[UNK]"))
    library.add_special_tokens(FRAME)
    library.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    if framed:
        frame = [("[CLS]", 2), ("[SEP]", 3)]
        library.post_processor = tokenizers.processors.TemplateProcessing("[CLS] $A [SEP]", special_tokens=frame)
    library.enable_truncation(4)
    library.enable_padding(length=4)
    folder.mkdir(parents=True, exist_ok=True)
    library.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"pad_token": "[PAD]"} | config))
    return folder


def write_encoder(folder: Path, words: tuple[str, ...], seed: int = 0, kind: str = "Bert", **changes: Any) -> Path:
    """A folder with a tokenizer and an encoder of width 16 and two layers.

    Args:
        folder: Where.
        words: That the tokenizer knows.
        seed: Of the weights.
        kind: Its architecture in the transformers library.
        changes: Of its configuration.
    """
    write_tokenizer(folder, words)
    options: dict[str, Any] = {
        "vocab_size": len(FRAME) + len(words),
        "hidden_size": WIDTH,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "max_position_embeddings": 64,
        "initializer_range": 0.3,
        "pad_token_id": 0,
    }
    config = getattr(transformers, f"{kind}Config")(**options | changes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = getattr(transformers, f"{kind}Model")(config)
    model.save_pretrained(folder)
    return folder
