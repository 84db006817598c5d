"""Texts cut into terms: words and pairs of words, or parts of words.

The terms are those of scikit-learn's CountVectorizer, which takes a second to load and longer to cut.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping
from typing import Literal

Kind = Literal["word", "character", "part"]
"""Words and pairs of words; parts of words of 3 to 5 characters; and the same with single characters and pairs of them,
which say something in Korean, where a character is a syllable, and as signs."""
_WORD = re.compile(r"\b\w+\b")
_LENGTHS: Mapping[Kind, tuple[int, ...]] = {"character": (3, 4, 5), "part": (1, 2, 3, 4, 5)}
_TELLING = (2, 3)
"""Lengths of the parts of words that show whether words are of a known language: single characters nearly always are,
longer parts are rarely known of a language that inflects much, as Korean does."""
_SHORT = re.compile("^(.?[a-z0-9]|[a-z0-9].| )$")
_LATIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")


def pieces(kind: Kind, text: str) -> list[str]:
    """What is cut on its own, in small letters: a whole text, or each of its words, of which a distinct one is cut
    once."""
    return [text.lower()] if kind == "word" else text.lower().split()


def cutter(kind: Kind) -> Callable[[str], list[str]]:
    """What cuts a piece into its terms, repeated ones as often as they are there."""
    if kind == "word":
        return _words_and_pairs
    lengths = _LENGTHS[kind]
    return lambda word: _parts(word, lengths)


def terms_of(kind: Kind, text: str) -> list[str]:
    """All terms of a text."""
    cut = cutter(kind)
    return [term for piece in pieces(kind, text) for term in cut(piece)]


def says_little(part: str) -> bool:
    """Whether it is one character or two with a Latin letter or a digit among them, or the end of a word: they say
    nothing and would take half of the store."""
    return _SHORT.search(part) is not None


def is_telling(kind: Kind, term: str) -> bool:
    """Whether it shows that words are known."""
    return kind == "word" or len(term) in _TELLING


def telling_terms(kind: Kind, piece: str) -> int:
    """How many of the terms of a piece are telling, without those that are never chosen."""
    if kind == "word":
        words = len(_WORD.findall(piece))
        return 2 * words - 1 if words else 0
    triples = len(piece)  # with a space before and behind
    if kind == "character" or _LATIN.issuperset(piece):
        return triples
    framed = f" {piece} "
    return triples + sum(not says_little(framed[start : start + 2]) for start in range(len(piece) + 1))


def _words_and_pairs(text: str) -> list[str]:
    words = _WORD.findall(text)
    return words + [f"{first} {second}" for first, second in itertools.pairwise(words)]


def _parts(word: str, lengths: tuple[int, ...]) -> list[str]:
    """Those of a word with a space before and behind; one that is no longer than a length counts once as a whole."""
    framed, found = f" {word} ", list[str]()
    for length in lengths:
        if len(framed) <= length:
            found.append(framed)
            break
        found += [framed[start : start + length] for start in range(len(framed) - length + 1)]
    return found
