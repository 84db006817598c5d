"""A text as a set of short pieces, for the classifier: parts of words, words and pairs of words, hashed."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from itertools import accumulate
from zlib import crc32

import attrs

from redheart_core.data.words import remembering_words
from redheart_core.safety.normal import has_hangul, normalize

BUCKETS = 1 << 18
"""Places for the hashes (feature hashing, Weinberger et al. 2009)."""
_CHARS, _WORDS, _SKIPPED, _LETTERS = (crc32(kind) for kind in (b"c", b"w", b"s", b"j"))
"""What the hash of a piece goes on from, so that pieces of several kinds differ."""


@attrs.frozen
class _Word:
    """What the places of a text are made of."""

    parts: tuple[int, ...]
    """Places of its parts."""
    hash: int
    """Of the word, from which that of a run of words goes on."""
    skipped: int
    """Likewise, of a pair with a word between."""
    behind: bytes
    """What it adds to a run."""


def grams(text: str) -> frozenset[int]:
    """The places of all pieces of a text; the same on every machine."""
    return grams_of_normal(normalize(text), has_hangul(text)) if text else frozenset()


def grams_of_normal(text: str, korean: bool) -> frozenset[int]:
    """The same of a text that is normalized already.

    Args:
        text: What normalize gave.
        korean: Whether the text had a Korean letter.
    """
    return _korean(text) if korean else _english(text)


def _english(text: str) -> frozenset[int]:
    words = [_english_word(word) for word in ("^", *text.split())]
    found = set(_runs(words, 3))
    found.update(crc32(third.behind, first.skipped) % BUCKETS for first, third in zip(words, words[2:], strict=False))
    return frozenset(found.union(*(word.parts for word in words)))


def _korean(text: str) -> frozenset[int]:
    """Syllables across words, words, and single letters within words, since endings join stems inside a syllable."""
    tight, spaced = text.split("\n")
    words = [_korean_word(word) for word in ("^", *spaced.split())]
    found = set(_parts(tight, (1, 2, 3, 4), _CHARS))
    found.update(_runs(words, 2))
    return frozenset(found.union(*(word.parts for word in words)))


@remembering_words
def _english_word(word: str) -> _Word:
    return _word(word, _parts(f" {word} ", (3, 4, 5), _CHARS))


@remembering_words
def _korean_word(word: str) -> _Word:
    return _word(word, _parts(unicodedata.normalize("NFD", f" {word} "), (3, 4, 5, 6), _LETTERS))


def _word(word: str, parts: Iterator[int]) -> _Word:
    data = _bytes(word)
    return _Word(tuple(set(parts)), crc32(data, _WORDS), crc32(data, _SKIPPED), b" " + data)


def _runs(words: Sequence[_Word], longest: int) -> Iterator[int]:
    """The places of words and of runs of up to so many, with spaces between; a hash goes on from that of one less."""
    hashes = [word.hash for word in words]
    yield from (one % BUCKETS for one in hashes)
    for length in range(1, longest):
        hashes = [crc32(word.behind, one) for one, word in zip(hashes, words[length:], strict=False)]
        yield from (one % BUCKETS for one in hashes)


def _parts(text: str, lengths: Sequence[int], kind: int) -> Iterator[int]:
    """The places of all parts of a text that have one of the lengths."""
    data = _bytes(text)
    ends = range(len(text) + 1) if len(data) == len(text) else [0, *accumulate(len(_bytes(char)) for char in text)]
    for length in lengths:
        for start, end in zip(ends, ends[length:], strict=False):
            yield crc32(data[start:end], kind) % BUCKETS


def _bytes(text: str) -> bytes:
    """UTF-8, where half of a surrogate pair has bytes too: every text is searched, also one that is refused later."""
    return text.encode("utf-8", "surrogatepass")
