"""A transformer of a few hundred weights, made on the spot, that sentence-transformers loads as any other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any


def write_tiny_bert(folder: Path, words: Sequence[str], length: int = 8) -> None:
    """Save a BERT of one layer and width 8 with a tokenizer that knows these words.

    Args:
        folder: Where to.
        words: The vocabulary, beside the padding and the unknown word.
        length: Most tokens of a text.
    """
    import torch
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    vocabulary = {word: index for index, word in enumerate(["[PAD]", "[UNK]", *words])}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    fast: Any = PreTrainedTokenizerFast
    fast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", model_max_length=length).save_pretrained(
        folder
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = BertConfig(
            vocab_size=len(vocabulary),
            hidden_size=8,
            num_hidden_layers=1,
            num_attention_heads=1,
            intermediate_size=8,
            max_position_embeddings=length,
        )
        BertModel(config).save_pretrained(folder)
