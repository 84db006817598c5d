"""A text as a set of short pieces, for the classifier: parts of words, words and pairs of words, hashed."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, chain
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
    hashes = [word.hash for word in words]
    behind = [word.behind for word in words[1:]]
    pairs = list(map(crc32, behind, hashes))
    threes = map(crc32, behind[1:], pairs)
    skipped = map(crc32, behind[1:], [word.skipped for word in words])
    return _places(words, chain(hashes, pairs, threes, skipped))


def _korean(text: str) -> frozenset[int]:
    """Syllables across words, words, and single letters within words, since endings join stems inside a syllable."""
    tight, spaced = text.split("\n")
    words = [_korean_word(word) for word in ("^", *spaced.split())]
    hashes = [word.hash for word in words]
    pairs = map(crc32, [word.behind for word in words[1:]], hashes)
    return _places(words, chain(hashes, pairs)).union(_parts(tight, (1, 2, 3, 4), _CHARS))


def _places(words: Sequence[_Word], runs: Iterable[int]) -> frozenset[int]:
    """Of the parts of words, and of runs of words whose hashes these are."""
    return frozenset({one % BUCKETS for one in runs}.union(*[word.parts for word in words]))


@remembering_words
def _english_word(word: str) -> _Word:
    return _word(word, _parts(f" {word} ", (3, 4, 5), _CHARS))


@remembering_words
def _korean_word(word: str) -> _Word:
    return _word(word, _parts(unicodedata.normalize("NFD", f" {word} "), (3, 4, 5, 6), _LETTERS))


def _word(word: str, parts: Iterator[int]) -> _Word:
    data = _bytes(word)
    return _Word(tuple(set(parts)), crc32(data, _WORDS), crc32(data, _SKIPPED), b" " + data)


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
