"""A text as a set of short pieces, for the classifier: parts of words, words and pairs of words, hashed."""

from __future__ import annotations

import unicodedata
import zlib
from collections.abc import Iterator, Sequence

from redheart_core.safety.normal import has_hangul, normalize

BUCKETS = 1 << 16
"""Places for the hashes (feature hashing, Weinberger et al. 2009)."""
_CHARS, _WORDS, _SKIPPED, _LETTERS = (zlib.crc32(kind) for kind in (b"c", b"w", b"s", b"j"))
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
    runs = (zip(*(words[start:] for start in range(length)), strict=False) for length in (1, 2, 3))
    found = {_place(" ".join(run), _WORDS) for one in runs for run in one}
    found.update(_place(f"{first} {third}", _SKIPPED) for first, third in zip(words, words[2:], strict=False))
    return frozenset(found.union(*(seen[_CHARS, word] for word in words)))


def _korean(text: str, seen: Seen) -> frozenset[int]:
    """Syllables across words, words, and single letters within words, since endings join stems inside a syllable."""
    tight, spaced = text.split("\n")
    words = ["^", *spaced.split()]
    for word in words:
        if (_LETTERS, word) not in seen:
            seen[_LETTERS, word] = frozenset(_parts(unicodedata.normalize("NFD", f" {word} "), (3, 4, 5, 6), _LETTERS))
    found = set(_parts(tight, (1, 2, 3, 4), _CHARS))
    for length in (1, 2):
        runs = zip(*(words[start:] for start in range(length)), strict=False)
        found.update(_place(" ".join(run), _WORDS) for run in runs)
    return frozenset(found.union(*(seen[_LETTERS, word] for word in words)))


def _parts(text: str, lengths: Sequence[int], kind: int) -> Iterator[int]:
    """The places of all parts of a text that have one of the lengths."""
    sizes = [len(_bytes(char)) for char in text]
    data, ends = _bytes(text), [0]
    for size in sizes:
        ends.append(ends[-1] + size)
    for length in lengths:
        for start, end in zip(ends, ends[length:], strict=False):
            yield zlib.crc32(data[start:end], kind) % BUCKETS


def _place(piece: str, kind: int) -> int:
    return zlib.crc32(_bytes(piece), kind) % BUCKETS


def _bytes(text: str) -> bytes:
    """UTF-8, where half of a surrogate pair has bytes too: every text is searched, also one that is refused later."""
    return text.encode("utf-8", "surrogatepass")
