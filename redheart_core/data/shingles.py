"""Texts as sets of shingles: overlapping runs of words, or of characters in scripts without spaces (Broder 1997)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from redheart_core.data.text import comparable

SHINGLE_WORDS = 4
SHINGLE_CHARACTERS = 8
"""In scripts without spaces, where four words have about as many characters."""

_WORD = re.compile(r"\w+")
_UNSPACED = re.compile(
    "["
    "\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Tibetan, Myanmar, Khmer
    "\u3040-\u30ff\u31f0-\u31ff"  # Hiragana, Katakana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
    "\u1100-\u11ff\u3130-\u318f\uac00-\ud7ff"  # Hangul: it has spaces, but writers set them differently
    "]"
)
_ODD = np.uint64(0x9E3779B97F4A7C15)

Hashes = NDArray[np.uint64]


def shingle_sets(texts: Sequence[str]) -> tuple[Hashes, NDArray[np.int64]]:
    """The shingles of each text as 64-bit hashes.

    A text in which characters of scripts without spaces prevail is a set of runs of 8 of its letters and digits, any
    other one of runs of 4 of its words, both as `comparable` writes them. A text that is shorter is one shingle.

    Returns:
        The distinct hashes of one text after the other, ascending within a text, and how many each text has, (N,).
    """
    tokens = [_tokens(text) for text in texts]
    lengths = np.array([len(found) for found, _ in tokens])
    widths = np.minimum(lengths, [width for _, width in tokens])
    counts = np.maximum(lengths - widths + 1, 1)
    starts = np.cumsum(lengths) - lengths
    rows = np.repeat(np.arange(len(texts)), counts)
    first = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts - starts, counts)
    stream = np.concatenate([*(found for found, _ in tokens), np.zeros(SHINGLE_CHARACTERS, np.uint64)])
    shingles = mix(widths[rows].astype(np.uint64))
    for offset in range(SHINGLE_CHARACTERS):
        held = widths[rows] > offset
        shingles[held] = mix(shingles[held] * _ODD + stream[first[held] + offset])
    order = np.lexsort((shingles, rows))
    rows, shingles = rows[order], shingles[order]
    new = np.ones(len(rows), bool)
    new[1:] = (np.diff(rows) > 0) | (shingles[1:] != shingles[:-1])
    return shingles[new], np.bincount(rows[new], minlength=len(texts))


def mix(numbers: Hashes) -> Hashes:
    """A permutation of the 64-bit numbers that looks like chance (the finaliser of SplitMix64, Steele et al. 2014)."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


def _tokens(text: str) -> tuple[Hashes, int]:
    """The words or characters of a text as hashes, and how many make a shingle."""
    words = _WORD.findall(comparable(text))
    letters = "".join(words)
    if 2 * len(_UNSPACED.findall(letters)) > len(letters):
        return mix(np.frombuffer(letters.encode("utf-32-le"), np.uint32).astype(np.uint64)), SHINGLE_CHARACTERS
    return np.array([_word_hash(word) for word in words], np.uint64), SHINGLE_WORDS


@lru_cache(maxsize=1 << 17)
def _word_hash(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little")
