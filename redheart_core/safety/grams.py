"""A text as a set of short pieces, for the classifier: parts of words, words and pairs of words, hashed."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from itertools import accumulate
from zlib import crc32

from redheart_core.safety.normal import has_hangul, normalize

BUCKETS = 1 << 16
"""Places for the hashes (feature hashing, Weinberger et al. 2009)."""
_CHARS, _WORDS, _SKIPPED, _LETTERS = (crc32(kind) for kind in (b"c", b"w", b"s", b"j"))
"""What the hash of a piece goes on from, so that pieces of several kinds differ."""
Seen = dict[tuple[int, str], frozenset[int]]
"""Words, with the kind of their parts, to the places of these, so that a word that occurs again is not cut again."""


def grams(text: str) -> frozenset[int]:
    """The places of all pieces of a text; the same on every machine."""
    return grams_of_normal(normalize(text), has_hangul(text), {}) if text else frozenset()


def grams_of_normal(text: str, korean: bool, seen: Seen) -> frozenset[int]:
    """The same of a text that is normalized already.

    Args:
        text: What normalize gave.
        korean: Whether the text had a Korean letter.
        seen: Words of texts before, to which those of this one are added.
    """
    return _korean(text, seen) if korean else _english(text, seen)


def _english(text: str, seen: Seen) -> frozenset[int]:
    words = ["^", *text.split()]
    for word in words:
        if (_CHARS, word) not in seen:
            seen[_CHARS, word] = frozenset(_parts(f" {word} ", (3, 4, 5), _CHARS))
    found = set(_runs(words, 3, _WORDS))
    behind = [_bytes(f" {word}") for word in words]
    found.update(crc32(third, _crc(first, _SKIPPED)) % BUCKETS for first, third in zip(words, behind[2:], strict=False))
    return frozenset(found.union(*(seen[_CHARS, word] for word in words)))


def _korean(text: str, seen: Seen) -> frozenset[int]:
    """Syllables across words, words, and single letters within words, since endings join stems inside a syllable."""
    tight, spaced = text.split("\n")
    words = ["^", *spaced.split()]
    for word in words:
        if (_LETTERS, word) not in seen:
            seen[_LETTERS, word] = frozenset(_parts(unicodedata.normalize("NFD", f" {word} "), (3, 4, 5, 6), _LETTERS))
    found = set(_parts(tight, (1, 2, 3, 4), _CHARS))
    found.update(_runs(words, 2, _WORDS))
    return frozenset(found.union(*(seen[_LETTERS, word] for word in words)))


def _runs(words: Sequence[str], longest: int, kind: int) -> Iterator[int]:
    """The places of words and of runs of up to so many, with spaces between; a hash goes on from that of one less."""
    behind = [_bytes(f" {word}") for word in words]
    hashes = [_crc(word, kind) for word in words]
    yield from (one % BUCKETS for one in hashes)
    for length in range(1, longest):
        hashes = [crc32(word, one) for one, word in zip(hashes, behind[length:], strict=False)]
        yield from (one % BUCKETS for one in hashes)


def _parts(text: str, lengths: Sequence[int], kind: int) -> Iterator[int]:
    """The places of all parts of a text that have one of the lengths."""
    data = _bytes(text)
    ends = range(len(text) + 1) if len(data) == len(text) else [0, *accumulate(len(_bytes(char)) for char in text)]
    for length in lengths:
        for start, end in zip(ends, ends[length:], strict=False):
            yield crc32(data[start:end], kind) % BUCKETS


def _crc(piece: str, kind: int) -> int:
    return crc32(_bytes(piece), kind)


def _bytes(text: str) -> bytes:
    """UTF-8, where half of a surrogate pair has bytes too: every text is searched, also one that is refused later."""
    return text.encode("utf-8", "surrogatepass")
