"""Which record is trained on, validated on, calibrated on and tested on.

The side of a record is a seeded hash of an id, so it depends on no other record but
its near-duplicates, which all stay on one side.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from redheart_core.contract.data import SPLITS, Record
from redheart_core.contract.errors import DataError

SHINGLE_WORDS = 4
NEAR_DUPLICATE = 0.8
"""Smallest Jaccard index of two texts' word shingles that makes them near-duplicates."""
EXCLUDED = "excluded"
"""The side of a training record that is a near-duplicate of the publisher's test part."""

_OWN = (("train", 0.7), ("validation", 0.8), ("calibration", 0.9), ("test", 1.0))
_PUBLISHED = (("train", 0.8), ("validation", 0.9), ("calibration", 1.0))
_WORD = re.compile(r"\w+")
_BLOCK = 512

Integers = NDArray[np.int64]


@attrs.frozen
class SplitReport:
    """How the records were divided."""

    counts: dict[str, int]
    """Records per split, and how many were excluded."""
    duplicate_clusters: int
    """Sets of two or more near-duplicates."""
    clustered_records: int
    """Records in those sets."""
    largest_cluster: int
    """Records in the largest of them, 0 if there are none."""
    published: bool
    """The data set came with a test part of its own, which was kept."""
    examples: tuple[tuple[str, str], ...]
    """Ids of a few pairs from the same set."""


@attrs.frozen
class Splits:
    """The split of every record, in the order of the records."""

    names: tuple[str, ...]
    """One of SPLITS, or "excluded"."""
    report: SplitReport


def assign_splits(records: Sequence[Record], seed: int) -> Splits:
    """Divide records 70/10/10/10 into train, validation, calibration and test.

    A data set with a test part of its own keeps it; its training part is divided
    80/10/10, and records that are near-duplicates of its test records are
    excluded. A training part alone is divided like any other data. Of joined data
    sets each is divided by its own rule, and near-duplicates among them stay together.

    Raises:
        DataError: Only some of the records of a data set have the publisher's split.
    """
    published = _published_sources(records)
    clusters = near_duplicate_clusters([record.text for record in records])
    members: dict[int, list[int]] = {}
    for row, cluster in enumerate(clusters.tolist()):
        members.setdefault(cluster, []).append(row)
    names = [""] * len(records)
    for rows in members.values():
        representative = min(records[row].id for row in rows)
        kept = any(records[row].source in published for row in rows)
        side = _side(representative, seed, _PUBLISHED if kept else _OWN)
        tested = any(records[row].split == "test" for row in rows)
        for row in rows:
            if tested:
                names[row] = "test" if records[row].split == "test" else EXCLUDED
            else:
                names[row] = side
    sets = sorted(sorted(records[row].id for row in rows) for rows in members.values() if len(rows) > 1)
    found = Counter(names)
    report = SplitReport(
        counts={name: found[name] for name in (*SPLITS, EXCLUDED)},
        duplicate_clusters=len(sets),
        clustered_records=sum(map(len, sets)),
        largest_cluster=max(map(len, sets), default=0),
        published=bool(published),
        examples=tuple((ids[0], ids[1]) for ids in sets[:5]),
    )
    return Splits(tuple(names), report)


def near_duplicate_clusters(texts: Sequence[str]) -> Integers:
    """Number the sets of texts that near-duplicates connect, (N,).

    Two texts are near-duplicates if their word 4-shingles have a Jaccard index of at
    least 0.8, in lower case and without punctuation; a text of fewer than four words
    is one shingle. Exact: candidates come from the prefix filter (Chaudhuri, Ganti,
    Kaushik 2006), by which two such sets share one of the rarest shingles of each.
    """
    vocabulary: dict[str, int] = {}
    words = [_word_numbers(text, vocabulary) for text in texts]
    distinct: dict[bytes, int] = {}
    unique = np.array([distinct.setdefault(numbers.tobytes(), len(distinct)) for numbers in words], dtype=np.int64)
    table = _shingle_table([np.frombuffer(key, dtype=np.int32) for key in distinct], len(vocabulary))
    left, right = _near_pairs(table)
    graph = csr_matrix((np.ones(len(left), dtype=bool), (left, right)), shape=(len(distinct), len(distinct)))
    _, labels = connected_components(graph, directed=False)
    clusters: Integers = labels.astype(np.int64)[unique]
    return clusters


def _word_numbers(text: str, vocabulary: dict[str, int]) -> NDArray[np.int32]:
    found = _WORD.findall(unicodedata.normalize("NFKC", text).casefold())
    return np.array([vocabulary.setdefault(word, len(vocabulary)) for word in found], dtype=np.int32)


def _shingle_table(texts: Sequence[NDArray[np.int32]], vocabulary_size: int) -> Any:
    """Which text holds which shingle: a (texts, shingles) csr matrix of ones.

    Rare shingles have high column numbers, so that a row's sorted columns end in its rarest.
    A text without a full shingle gets none: it equals no other, as the texts are distinct.
    """
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    counts = np.maximum(lengths - (SHINGLE_WORDS - 1), 0)
    words = np.concatenate(texts)
    rows = np.repeat(np.arange(len(texts)), counts)
    first = np.arange(len(rows)) + np.repeat(np.cumsum(lengths) - lengths - np.cumsum(counts) + counts, counts)
    shingles = words[first].astype(np.int64)
    for offset in range(1, SHINGLE_WORDS):
        # Numbered anew after each word, the codes stay below 2^63: exact, without a hash.
        shingles = _number(shingles * vocabulary_size + words[first + offset])
    width = int(shingles.max(initial=0)) + 1
    held = np.sort(rows * width + shingles)
    held = held[np.diff(held, prepend=-1) > 0]
    rows, shingles = held // width, held % width
    frequency = np.bincount(shingles, minlength=width)
    rank = np.empty(width, dtype=np.int64)
    rank[np.argsort(-frequency, kind="stable")] = np.arange(width)
    table = csr_matrix((np.ones(len(rows), dtype=np.int32), (rows, rank[shingles])), shape=(len(texts), width))
    table.sort_indices()
    return table


def _number(codes: Integers) -> Integers:
    """Equal codes to equal numbers from 0 without gaps."""
    _, numbers = np.unique(codes, return_inverse=True)
    return numbers.astype(np.int64, copy=False)


def _near_pairs(table: Any) -> tuple[Integers, Integers]:
    """Row numbers of all pairs with a Jaccard index of at least NEAR_DUPLICATE."""
    sizes = np.diff(table.indptr)
    kept = sizes - np.ceil(NEAR_DUPLICATE * sizes - 1e-9).astype(np.int64) + 1
    place = np.arange(table.nnz) - np.repeat(table.indptr[:-1], sizes)
    prefix = table.copy()
    prefix.data[place < np.repeat(sizes - kept, sizes)] = 0
    prefix.eliminate_zeros()
    transposed = prefix.T.tocsr()
    lefts, rights = [], []
    for start in range(0, table.shape[0], _BLOCK):
        candidates = (prefix[start : start + _BLOCK] @ transposed).tocoo()
        left, right = candidates.row.astype(np.int64) + start, candidates.col.astype(np.int64)
        later = right > left
        left, right = left[later], right[later]
        for part in range(0, len(left), _BLOCK * 16):
            a, b = left[part : part + _BLOCK * 16], right[part : part + _BLOCK * 16]
            shared = np.asarray(table[a].multiply(table[b]).sum(axis=1)).ravel()
            near = shared >= NEAR_DUPLICATE * (sizes[a] + sizes[b] - shared) - 1e-9
            lefts.append(a[near])
            rights.append(b[near])
    empty = np.empty(0, dtype=np.int64)
    return np.concatenate([empty, *lefts]), np.concatenate([empty, *rights])


def _published_sources(records: Sequence[Record]) -> frozenset[str | None]:
    """The data sets that have a test part of their own."""
    first: dict[str | None, Record] = {}
    for record in records:
        if record.split not in (None, "train", "test"):
            raise DataError(
                f"{record.where}: record '{record.id}' has the split {record.split!r}; expected train, test or none"
            )
        other = first.setdefault(record.source, record)
        if (record.split is None) != (other.split is None):
            without, having = (record, other) if record.split is None else (other, record)
            raise DataError(
                f"{without.where}: record '{without.id}' has no split, but record '{having.id}' ({having.where}) "
                f"has '{having.split}'; give all records of a data set a split or none"
            )
    return frozenset(record.source for record in records if record.split == "test")


def _side(id_: str, seed: int, shares: tuple[tuple[str, float], ...]) -> str:
    digest = hashlib.sha256(f"{seed}:{id_}".encode()).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    return next((name for name, end in shares if place < end), shares[-1][0])
