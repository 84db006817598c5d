"""Terms of texts: words, pairs of words and parts of words, counted and weighed by TF-IDF.

Everything here works on the rows of a matrix one by one, in whole numbers or in
a fixed order, so that the result for a text does not depend on its neighbours.
"""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import attrs
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.utils.sparsefuncs_fast import inplace_csr_row_normalize_l2

Kind = Literal["word", "character", "part"]
"""Words and pairs of words; parts of words of 3 to 5 characters; and the same with single characters and pairs of them,
which say something in Korean, where a character is a syllable, and as signs."""
_ANALYSIS: Mapping[Kind, Mapping[str, Any]] = {
    "word": {"token_pattern": r"(?u)\b\w+\b", "ngram_range": (1, 2)},
    "character": {"analyzer": "char_wb", "ngram_range": (3, 5)},
    "part": {"analyzer": "char_wb", "ngram_range": (1, 5)},
}
_SHORT = re.compile("^(.?[a-z0-9]|[a-z0-9].| )$")
"""One character or two with a Latin letter or a digit among them, or the end of a word: they say nothing and would take
half of the store."""

_TELLING = (2, 3)
"""Lengths of the parts of words that show whether words are of a known language: single characters nearly always are,
longer parts are rarely known of a language that inflects much, as Korean does."""


@attrs.frozen(eq=False)
class Terms:
    """The terms of one kind that is known."""

    kind: Kind
    names: tuple[str, ...]
    idf: NDArray[np.float32]
    """(F,) inverse document frequency, ln((1 + N) / (1 + n)) + 1."""
    weight: float
    _analyze: Callable[[str], list[str]] = attrs.field(init=False, repr=False)
    _columns: Mapping[str, int] = attrs.field(init=False, repr=False)
    _telling: NDArray[np.bool_] = attrs.field(init=False, repr=False)
    """(F,) which names show whether words are known."""

    def __attrs_post_init__(self) -> None:
        telling = [self.kind == "word" or len(name) in _TELLING for name in self.names]
        object.__setattr__(self, "_analyze", _counter(self.kind).build_analyzer())
        object.__setattr__(self, "_columns", {name: column for column, name in enumerate(self.names)})
        object.__setattr__(self, "_telling", np.array(telling, bool))

    def count(self, texts: Sequence[str]) -> Any:
        """N texts to (N, F) sparse int32, columns ascending."""
        columns, starts = array("i"), [0]
        seen: dict[str, array[int]] = {}
        for text in texts:
            for piece in _pieces(self.kind, text):
                found = seen.get(piece)
                if found is None:
                    places = map(self._columns.get, self._analyze(piece))
                    seen[piece] = found = array("i", [place for place in places if place is not None])
                columns.extend(found)
            starts.append(len(columns))
        data, indices = np.ones(len(columns), np.int32), np.array(columns, np.int32)
        counts = sparse.csr_matrix((data, indices, np.array(starts, np.int32)), shape=(len(texts), len(self.names)))
        counts.sum_duplicates()
        return counts

    def known(self, texts: Sequence[str], counts: Any) -> NDArray[np.float64]:
        """(N,) which share of the words of each text, or of the pairs and triples of characters in them, is known,
        repeated ones as often as they are there; NaN without any.

        Args:
            texts: N texts.
            counts: What count gave for them.
        """
        total = _totals(self.kind, texts, self._analyze)
        found = np.zeros(len(texts))
        np.add.at(
            found, np.repeat(np.arange(len(texts)), np.diff(counts.indptr)), counts.data * self._telling[counts.indices]
        )
        shares = np.full(len(texts), np.nan)
        np.divide(found, total, out=shares, where=total > 0)
        return shares

    def weigh(self, texts: Sequence[str]) -> Any:
        """N texts to (N, F) sparse float32; a row has the length weight, or 0 if no term is known."""
        return weigh(self.count(texts), self.idf, self.weight)


def choose_terms(
    kind: Kind,
    texts: Sequence[str],
    most: int,
    min_texts: int,
    weight: float,
    languages: Sequence[str | None] | None = None,
) -> tuple[Terms | None, Any]:
    """The most frequent terms in the texts, ties in the order of the alphabet, and their weighed counts.

    Args:
        kind: Words or parts of words.
        texts: N texts.
        most: Terms at most.
        min_texts: A term has to be in so many texts.
        weight: Length of a text's row.
        languages: N; of several, each counts in proportion to its number of texts, however long these are. One if left
            out.

    Returns:
        The terms and (N, F) as Terms.weigh gives it; None and (N, 0) if no term is frequent enough.
    """
    counter = _counter(kind)
    analyze = counter.build_analyzer()
    if not any(analyze(text) for text in texts):  # which scikit-learn refuses with a message of its own
        return None, sparse.csr_matrix((len(texts), 0), dtype=np.float32)
    counts = _count_all(kind, texts, counter)
    names = counter.get_feature_names_out()
    in_texts = np.bincount(counts.indices, minlength=len(names))
    total = _frequency(counts, languages)
    kept = np.flatnonzero(in_texts >= min_texts)
    if kind == "part":
        kept = kept[[not _SHORT.search(names[place]) for place in kept]]
    kept = np.sort(kept[np.argsort(-total[kept], kind="stable")[:most]])
    idf = np.array([math.log((1 + len(texts)) / (1 + int(n))) + 1 for n in in_texts[kept]], np.float32)
    if not len(kept):
        return None, sparse.csr_matrix((len(texts), 0), dtype=np.float32)
    return Terms(kind, tuple(map(str, names[kept])), idf, weight), weigh(counts[:, kept], idf, weight)


def _frequency(counts: Any, languages: Sequence[str | None] | None) -> NDArray[Any]:
    """How often each term is in (N, F) counts, (F,); over several languages, the mean text of each."""
    codes = [str(language) for language in languages or ()]
    if len(set(codes)) < 2:
        return np.asarray(counts.sum(axis=0)).ravel()
    found = np.zeros(counts.shape[1])
    for code in sorted(set(codes)):
        own = np.array([other == code for other in codes])
        total = np.asarray(counts[own].sum(axis=0)).ravel()
        found += total * (int(own.sum()) / max(1, int(total.sum())))
    return found


def weigh(counts: Any, idf: NDArray[np.float32], weight: float) -> Any:
    """(N, F) counts to (1 + ln count) idf, each row scaled to the length weight."""
    counts.sort_indices()
    largest = int(counts.data.max(initial=0))
    logs = np.array([0.0, *(1 + math.log(count) for count in range(1, largest + 1))], np.float32)
    values = logs[counts.data] * idf[counts.indices]
    weighed = sparse.csr_matrix((values, counts.indices, counts.indptr), shape=counts.shape)
    inplace_csr_row_normalize_l2(weighed)
    weighed.data *= np.float32(weight)
    return weighed


def _counter(kind: Kind) -> Any:
    return CountVectorizer(dtype=np.int32, **_ANALYSIS[kind])


def _pieces(kind: Kind, text: str) -> list[str]:
    """What is analyzed on its own: a whole text, or each of its words, of which a distinct one is analyzed once."""
    return [text] if kind == "word" else text.lower().split()


def _count_all(kind: Kind, texts: Sequence[str], counter: Any) -> Any:
    """(N, F) counts of all terms that the texts have, which the counter then knows."""
    if kind == "word":
        return counter.fit_transform(texts)
    # the parts of a word are counted once per distinct word, which takes a tenth of the time
    columns: dict[str, int] = {}
    indices: list[int] = []
    starts = [0]
    for text in texts:
        indices.extend(columns.setdefault(word, len(columns)) for word in _pieces(kind, text))
        starts.append(len(indices))
    words = sparse.csr_matrix(
        (np.ones(len(indices), np.int32), np.array(indices, np.int32), np.array(starts, np.int32)),
        shape=(len(texts), len(columns)),
    )
    words.sum_duplicates()
    return (words @ counter.fit_transform(list(columns))).tocsr()


def _totals(kind: Kind, texts: Sequence[str], analyze: Callable[[str], list[str]]) -> NDArray[np.float64]:
    """(N,) how many words each text has, or pairs and triples of characters without those that are never chosen."""
    sizes: dict[str, int] = {}  # once per distinct piece
    for piece in {piece for text in texts for piece in _pieces(kind, text)}:
        terms = analyze(piece)
        sizes[piece] = len(terms) if kind == "word" else sum(map(_is_telling[kind], terms))
    return np.array([sum(sizes[piece] for piece in _pieces(kind, text)) for text in texts], np.float64)


_is_telling: Mapping[Kind, Callable[[str], bool]] = {
    "character": lambda term: len(term) in _TELLING,
    "part": lambda term: len(term) == 3 or (len(term) == 2 and not _SHORT.search(term)),
}
"""Of a part of a word, whether it shows if the word is known."""


def join(parts: Sequence[Any]) -> Any:
    """Sparse matrices of the same texts side by side."""
    return sparse.hstack(list(parts), format="csr")
