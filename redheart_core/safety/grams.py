"""A text as a set of short pieces, for the classifier: parts of words, words and pairs of words, hashed."""

from __future__ import annotations

import unicodedata
import zlib
from collections.abc import Iterator

from redheart_core.safety.normal import has_hangul, normalize

BUCKETS = 1 << 16
"""Places for the hashes (feature hashing, Weinberger et al. 2009)."""


def grams(text: str) -> frozenset[int]:
    """The places of all pieces of a text; the same on every machine."""
    if not text:
        return frozenset()
    pieces = _korean(text) if has_hangul(text) else _english(text)
    return frozenset(zlib.crc32(piece.encode()) % BUCKETS for piece in pieces)


def _english(text: str) -> Iterator[str]:
    words = ["^", *normalize(text).split()]
    for word in words:
        yield from ("c" + part for length in (3, 4, 5) for part in _parts(f" {word} ", length))
    for length in (1, 2, 3):
        yield from ("w" + " ".join(part) for part in zip(*(words[start:] for start in range(length)), strict=False))
    yield from (f"s{first} {third}" for first, third in zip(words, words[2:], strict=False))


def _korean(text: str) -> Iterator[str]:
    """Syllables across words, words, and single letters within words, since endings join stems inside a syllable."""
    tight, spaced = normalize(text).split("\n")
    for length in (1, 2, 3, 4):
        yield from ("c" + part for part in _parts(tight, length))
    words = ["^", *spaced.split()]
    for length in (1, 2):
        yield from ("w" + " ".join(part) for part in zip(*(words[start:] for start in range(length)), strict=False))
    for word in words:
        letters = unicodedata.normalize("NFD", f" {word} ")
        yield from ("j" + part for length in (3, 4, 5, 6) for part in _parts(letters, length))


def _parts(text: str, length: int) -> Iterator[str]:
    return (text[start : start + length] for start in range(len(text) - length + 1))
