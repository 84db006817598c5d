"""The second view of a record beside its embedding: which terms its whole text holds, weighed by TF-IDF."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from redheart_core.contract.errors import StoreError
from redheart_core.contract.names import composed
from redheart_core.data.term_pieces import Kind, pieces, telling_terms
from redheart_core.data.terms import Terms, choose_terms, count, weigh
from redheart_core.data.words import remembering_words
from redheart_core.storage.files import load_tensors, make_folder, save_tensors
from redheart_core.storage.sealed import SealedFile

MIN_TEXTS = 3
"""A term has to occur in at least so many training texts."""
WORD_WEIGHT, PART_WEIGHT = 0.7, 1.4
"""Lengths of the words and of the parts of words of a text. A word is among its own parts, and the words of a language
that inflects much, as Korean does, say little beside them."""
SHARE_OF_PARTS = 0.6
"""Of all terms."""
_TABLE, _TENSORS = "terms.json", "idf.safetensors"
_TELLING_OF: Mapping[Kind, Callable[[str], int]] = {
    "word": partial(telling_terms, "word"),
    "character": remembering_words(partial(telling_terms, "character")),
    "part": remembering_words(partial(telling_terms, "part")),
}
"""How many telling terms a piece has, of a whole text or of a word."""


@attrs.frozen
class TermKind:
    """The terms of one kind."""

    kind: Kind
    weight: float
    names: tuple[str, ...]


@attrs.frozen
class TermTable:
    """terms.json: all but the frequencies."""

    idf_sha256: str
    """Of the file with the inverse document frequencies."""
    kinds: tuple[TermKind, ...]


TERM_TABLE = SealedFile(
    TermTable,
    "terms",
    3,
    "restore it from a copy, or delete the store and prepare the data again, then train and assemble the model again",
    StoreError,
)
"""Another format wherever the same texts would get other terms or weights, as tests/test_data_term_view.py holds it."""


@attrs.frozen(eq=False)
class TermView:
    """The terms that were frequent in the training texts."""

    terms: tuple[Terms, ...]

    @property
    def size(self) -> int:
        """V, the number of terms."""
        return sum(len(terms.names) for terms in self.terms)

    @property
    def words(self) -> int:
        """How many of the terms are words and pairs of words: the first ones."""
        return sum(len(terms.names) for terms in self.terms if terms.kind == "word")

    @property
    def names(self) -> tuple[str, ...]:
        """Every term in the order of the columns, "word:very sorry" or "part:orr"."""
        return tuple(f"{terms.kind}:{name}" for terms in self.terms for name in terms.names)

    def weigh(self, texts: Sequence[str]) -> Any:
        """N whole texts to (N, V) sparse float32; the words of a text have the length 0.7, the parts of words 1.4."""
        return self.weigh_counts(self.count(texts))

    def count(self, texts: Sequence[str]) -> Any:
        """N whole texts to (N, V) sparse int32, columns ascending."""
        return count([composed(text) for text in texts], self.terms)

    def weigh_counts(self, counts: Any) -> Any:
        """What count gave for some texts to (N, V) sparse float32, row by row."""
        return weigh(counts, self.terms)

    def vector(self, text: str) -> Tensor:
        """One text to (1, V) float32, as the store would hold it."""
        return dense_rows(self.weigh([text]), [0])

    def known(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """(N, 2): the shares of the words of each text, and of the pairs and triples of characters in them, that are
        known; NaN where the text has none, or no term of the kind is known."""
        return self.known_of_counts(texts, self.count(texts))

    def known_of_counts(self, texts: Sequence[str], counts: Any) -> NDArray[np.float64]:
        """The same of texts that are counted already."""
        texts, shares, start = [composed(text) for text in texts], np.full((len(texts), 2), np.nan), 0
        rows = np.repeat(np.arange(len(texts)), np.diff(counts.indptr))
        telling = np.concatenate([terms.telling for terms in self.terms])[counts.indices]
        for terms in self.terms:
            end = start + len(terms.names)
            own = telling & (counts.indices >= start) & (counts.indices < end)
            known = np.bincount(rows[own], counts.data[own], len(texts))
            totals = np.array([_telling(terms.kind, text) for text in texts], np.float64)
            place = 0 if terms.kind == "word" else 1
            np.divide(known, totals, out=shares[:, place], where=totals > 0)
            start = end
        return shares

    def save(self, folder: Path) -> None:
        """Write terms.json and idf.safetensors into a folder, which is made if it is missing."""
        make_folder(folder)
        digest = save_tensors(folder / _TENSORS, {t.kind: torch.from_numpy(t.idf) for t in self.terms})
        kinds = tuple(TermKind(terms.kind, terms.weight, terms.names) for terms in self.terms)
        TERM_TABLE.write(folder / _TABLE, TermTable(digest, kinds))


def dense_rows(weighed: Any, rows: Sequence[int]) -> Tensor:
    """Some rows of what TermView.weigh gave, (N, V) float32; SciPy takes longer to choose a row than to weigh it."""
    found = np.zeros((len(rows), weighed.shape[1]), np.float32)
    for place, row in enumerate(rows):
        own = slice(weighed.indptr[row], weighed.indptr[row + 1])
        found[place, weighed.indices[own]] = weighed.data[own]
    return torch.from_numpy(found)


def _telling(kind: Kind, text: str) -> int:
    """How many telling terms a text has, known or not."""
    return sum(map(_TELLING_OF[kind], pieces(kind, text)))


def fit_terms(texts: Sequence[str], most: int, languages: Sequence[str | None] | None = None) -> TermView | None:
    """The most frequent terms of training texts: words, pairs of words, and SHARE_OF_PARTS parts of words.

    Args:
        texts: Whole texts of the train split.
        most: V at most.
        languages: Of each text. Of several each gets terms in proportion to its number of texts, however long these
            are, so that long texts in one do not crowd out another.

    Returns:
        None if no term occurs in three texts.
    """
    texts = [composed(text) for text in texts]
    parts_most = round(most * SHARE_OF_PARTS)
    words = choose_terms("word", texts, most - parts_most, MIN_TEXTS, WORD_WEIGHT, languages)[0]
    parts = choose_terms("part", texts, parts_most, MIN_TEXTS, PART_WEIGHT, languages)[0]
    found = (words, parts)
    terms = tuple(one for one in found if one is not None)
    return TermView(terms) if terms else None


def load_terms(folder: Path) -> TermView:
    """What TermView.save wrote.

    Raises:
        StoreError: A file is missing, damaged or of another format.
    """
    table = TERM_TABLE.read(folder / _TABLE)
    idf = load_tensors(folder / _TENSORS, table.idf_sha256, StoreError)
    return TermView(tuple(Terms(one.kind, one.names, idf[one.kind].numpy(), one.weight) for one in table.kinds))
