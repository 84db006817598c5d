"""Terms of texts: words, pairs of words and parts of words, counted and weighed by TF-IDF.

Everything here works on the rows of a matrix one by one, in whole numbers or in
a fixed order, so that the result for a text does not depend on its neighbours.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from redheart_core.data.term_pieces import Kind, cutter, is_telling, pieces, says_little, terms_of
from redheart_core.data.words import remembering_words


@attrs.frozen(eq=False)
class Terms:
    """The terms of one kind that is known."""

    kind: Kind
    names: tuple[str, ...]
    idf: NDArray[np.float32]
    """(F,) inverse document frequency, ln((1 + N) / (1 + n)) + 1."""
    weight: float
    telling: NDArray[np.bool_] = attrs.field(init=False, repr=False)
    """(F,) which names show whether words are known."""
    _places: Callable[[str], array[int]] = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        telling = [is_telling(self.kind, name) for name in self.names]
        object.__setattr__(self, "telling", np.array(telling, bool))
        object.__setattr__(self, "_places", _places_of(self.kind, self.names))

    def columns(self, text: str) -> array[int]:
        """The columns of a text's terms, repeated ones as often as they are there."""
        columns = array("i")
        for piece in pieces(self.kind, text):
            columns.extend(self._places(piece))
        return columns


def _places_of(kind: Kind, names: Sequence[str]) -> Callable[[str], array[int]]:
    """What gives the columns of a piece's terms; those of words are remembered."""
    cut, columns = cutter(kind), {name: column for column, name in enumerate(names)}

    def places(piece: str) -> array[int]:
        return array("i", [column for term in cut(piece) if (column := columns.get(term)) is not None])

    return places if kind == "word" else remembering_words(places)


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
    if not any(terms_of(kind, text) for text in texts):
        return None, sparse.csr_matrix((len(texts), 0), dtype=np.float32)
    names, counts = _count_all(kind, texts)
    in_texts = np.bincount(counts.indices, minlength=len(names))
    total = _frequency(counts, languages)
    kept = np.flatnonzero(in_texts >= min_texts)
    if kind == "part":
        kept = kept[[not says_little(names[place]) for place in kept]]
    kept = np.sort(kept[np.argsort(-total[kept], kind="stable")[:most]])
    idf = np.array([math.log((1 + len(texts)) / (1 + int(n))) + 1 for n in in_texts[kept]], np.float32)
    if not len(kept):
        return None, sparse.csr_matrix((len(texts), 0), dtype=np.float32)
    found = Terms(kind, tuple(names[place] for place in kept), idf, weight)
    return found, weigh(counts[:, kept], (found,))


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


def count(texts: Sequence[str], terms: Sequence[Terms]) -> Any:
    """N texts to (N, V) sparse int32 over the terms of all kinds side by side, columns ascending."""
    columns, starts = array("i"), [0]
    for text in texts:
        offset = 0
        for one in terms:
            found = one.columns(text)
            columns.extend([offset + column for column in found] if offset else found)
            offset += len(one.names)
        starts.append(len(columns))
    data, indices = np.ones(len(columns), np.int32), np.array(columns, np.int32)
    shape = len(texts), sum(len(one.names) for one in terms)
    counts = sparse.csr_matrix((data, indices, np.array(starts, np.int32)), shape=shape)
    counts.sum_duplicates()
    return counts


def weigh(counts: Any, terms: Sequence[Terms]) -> Any:
    """(N, V) counts of several kinds side by side to (1 + ln count) idf, sparse float32; what a row has of each kind is
    scaled to the length of its weight, or 0 if no term is known."""
    counts.sort_indices()
    largest = int(counts.data.max(initial=0))
    logs = np.array([0.0, *(1 + math.log(count) for count in range(1, largest + 1))], np.float32)
    values = logs[counts.data] * np.concatenate([one.idf for one in terms])[counts.indices]
    kinds = np.repeat(np.arange(len(terms)), [len(one.names) for one in terms])[counts.indices]
    cells = np.repeat(np.arange(counts.shape[0]) * len(terms), np.diff(counts.indptr)) + kinds
    # bincount adds one after another, in the order of the columns
    lengths = np.sqrt(np.bincount(cells, (values * values).astype(np.float64), counts.shape[0] * len(terms)))
    scaled = (values / lengths[cells]).astype(np.float32)
    scaled *= np.array([one.weight for one in terms], np.float32)[kinds]
    return sparse.csr_matrix((scaled, counts.indices, counts.indptr), shape=counts.shape)


def _count_all(kind: Kind, texts: Sequence[str]) -> tuple[list[str], Any]:
    """All terms that the texts have, in the order of the alphabet, and (N, F) counts of them."""
    cut = cutter(kind)
    places: dict[str, int] = {}
    seen: dict[str, int] = {}  # a distinct piece is cut once, which takes a tenth of the time
    columns, ends = array("i"), [0]
    indices, starts = array("i"), [0]
    for text in texts:
        for piece in pieces(kind, text):
            if piece not in seen:
                seen[piece] = len(seen)
                columns.extend(places.setdefault(term, len(places)) for term in cut(piece))
                ends.append(len(columns))
            indices.append(seen[piece])
        starts.append(len(indices))
    names = sorted(places)
    order = np.empty(len(names), np.int32)
    order[[places[name] for name in names]] = np.arange(len(names))
    parts = _ones(indices, starts, len(seen)) @ _ones(order[np.array(columns, np.int32)], ends, len(names))
    counts = sparse.csr_matrix(parts)
    counts.sort_indices()
    return names, counts


def _ones(indices: Any, starts: Sequence[int], width: int) -> Any:
    """(N, width) sparse int32: how often each row has each index."""
    columns = np.array(indices, np.int32)
    data, pointers = np.ones(len(columns), np.int32), np.array(starts, np.int32)
    found = sparse.csr_matrix((data, columns, pointers), shape=(len(starts) - 1, width))
    found.sum_duplicates()
    return found


def join(parts: Sequence[Any]) -> Any:
    """Sparse matrices of the same texts side by side."""
    return sparse.hstack(list(parts), format="csr")
