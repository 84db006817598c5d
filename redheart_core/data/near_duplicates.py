"""Which texts are near-duplicates of each other, in time and memory that grow with their number and not its square."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from redheart_core.data.shingles import Hashes, mix, shingle_sets
from redheart_core.data.spool import Spool

NEAR_DUPLICATE = 0.8
"""Smallest Jaccard index of two texts' shingles that makes them near-duplicates."""
PERMUTATIONS = 96
"""Numbers of a signature."""
MISSED = 1e-4
"""Largest probability that two texts at the threshold share no bucket."""
NEIGHBOURS = 32
"""With how many of the next texts of its bucket a text is compared, per band."""
_BLOCK = 1000
"""Texts whose signatures are computed together."""
_PAIRS = 1 << 12
"""Pairs that are compared together."""
_SHIFT = np.uint64(52)

Integers = NDArray[np.int64]
_RNG = np.random.Generator(np.random.PCG64(20))  # a constant of the method, like its multipliers: no state is kept
_FACTORS = _RNG.integers(0, 1 << 63, PERMUTATIONS, np.uint64) * np.uint64(2) + np.uint64(1)
_TERMS = _RNG.integers(0, 1 << 63, PERMUTATIONS, np.uint64)


def near_duplicate_clusters(
    texts: Iterable[str], threshold: float = NEAR_DUPLICATE, scratch: Path | None = None
) -> Integers:
    """Number the sets of texts that near-duplicates connect, (N,), from 0 in the order of their first texts.

    Two texts are near-duplicates if their sets of shingles (see `shingles`) have a Jaccard index of at least the
    threshold. Candidates come from locality-sensitive hashing (Indyk and Motwani 1998) of MinHash signatures (Broder
    1997) in bands. Texts of one bucket are sorted by the next band and compared with the 32 that follow each (sorted
    neighbourhood, Hernandez and Stolfo 1995) unless they are connected already. A pair whose signatures are within
    three standard deviations of the threshold is verified by its exact Jaccard index, so that none is wrongly joined.
    Two texts at the threshold are missed with a probability below 0.2 %; more are in a bucket of more than 33 texts
    of which few are near-duplicates, where two may be neighbours in no band. The hashes are fixed, so that equal
    texts give equal numbers everywhere.

    Args:
        texts: Read once; not held.
        threshold: 0.5..1; at 1 only texts with the same shingles belong together.
        scratch: Folder for unnamed files with the signatures and shingles.

    Raises:
        FileError: The disk is full.
    """
    signatures, shingles, sizes = _sketch(texts, scratch)
    count = len(sizes)
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
    likely = threshold - 3 * np.sqrt(threshold * (1 - threshold) / PERMUTATIONS)
    labels = np.arange(count)
    for a, b in _candidates(signatures, _rows_per_band(threshold), labels):
        near = [np.empty((2, 0), np.int64)]
        for start in range(0, len(a), _PAIRS):
            left, right = a[start : start + _PAIRS], b[start : start + _PAIRS]
            alike = (signatures[left] == signatures[right]).mean(1) >= likely
            left, right = left[alike], right[alike]
            verified = _jaccard(shingles, starts, left, right) >= threshold - 1e-9
            near.append(np.stack([left[verified], right[verified]]))
        join_pairs(labels, *np.concatenate(near, axis=1))
    return number_by_first(labels)


def _sketch(texts: Iterable[str], scratch: Path | None) -> tuple[NDArray[np.uint32], Hashes, Integers]:
    """Signatures (N, P), the shingles of one text after the other, and how many each text has (N,)."""
    signatures, shingles = Spool(np.uint32, (PERMUTATIONS,), scratch), Spool(np.uint64, (), scratch)
    sizes = Spool(np.int64, (), scratch)
    given = iter(texts)
    while block := list(islice(given, _BLOCK)):
        found, counts = shingle_sets(block)
        starts = np.cumsum(counts) - counts
        signature = np.empty((PERMUTATIONS, len(block)), np.uint32)
        for row, factor, term in zip(signature, _FACTORS, _TERMS, strict=True):
            # multiply-add-shift is universal (Dietzfelbinger 1996)
            row[:] = np.minimum.reduceat(((found * factor + term) >> np.uint64(32)).astype(np.uint32), starts)
        signatures.append(signature.T)
        shingles.append(found)
        sizes.append(counts)
    return signatures.array(), shingles.array(), sizes.array()


def _rows_per_band(threshold: float) -> int:
    """As many as still find two texts at the threshold almost surely, so that few others share a bucket."""
    return next(rows for rows in (8, 6, 4, 3, 2) if (1 - threshold**rows) ** (PERMUTATIONS // rows) <= MISSED)


def _candidates(signatures: NDArray[np.uint32], rows: int, labels: Integers) -> Iterator[tuple[Integers, Integers]]:
    """Pairs of the same bucket whose labels differ by then, a bounded number per text and band."""
    bands = PERMUTATIONS // rows
    following = _band(signatures, 0, rows)
    for band in range(bands):
        keys, following = following, _band(signatures, (band + 1) % bands, rows)
        order = np.lexsort((following, keys))
        keys = keys[order]
        for distance in range(1, min(NEIGHBOURS, len(keys) - 1) + 1):
            together = np.flatnonzero(keys[distance:] == keys[:-distance])
            if not len(together):
                break
            a, b = order[together], order[together + distance]
            apart = labels[a] != labels[b]
            yield a[apart], b[apart]


def _band(signatures: NDArray[np.uint32], band: int, rows: int) -> Hashes:
    """The bucket of each text in a band, (N,)."""
    keys = np.zeros(len(signatures), np.uint64)
    for column in range(band * rows, (band + 1) * rows):
        keys = mix(keys ^ signatures[:, column])
    return keys


def _jaccard(shingles: Hashes, starts: Integers, left: Integers, right: Integers) -> NDArray[np.float64]:
    """The exact Jaccard index of at most _PAIRS pairs of texts, (n,)."""
    keys, total = [], np.zeros(len(left), np.int64)
    for rows in (left, right):
        sizes = starts[rows + 1] - starts[rows]
        pair = np.repeat(np.arange(len(rows)), sizes)
        places = np.arange(len(pair)) + np.repeat(starts[rows] - np.cumsum(sizes) + sizes, sizes)
        # the pair in the upper bits; two shingles of one pair agree in the 52 others with a probability of 2^-52
        keys.append((pair.astype(np.uint64) << _SHIFT) | (shingles[places] >> (np.uint64(64) - _SHIFT)))
        total += sizes
    both = np.sort(np.concatenate(keys))
    shared = np.bincount(both[1:][both[1:] == both[:-1]] >> _SHIFT, minlength=len(left))
    return shared / (total - shared)


def number_by_first(labels: Integers) -> Integers:
    """Labels (N,) as numbers from 0 in the order in which they come first."""
    _, first, numbers = np.unique(labels, return_index=True, return_inverse=True)
    ranks = np.empty(len(first), np.int64)
    ranks[np.argsort(first)] = np.arange(len(first))
    return ranks[numbers]


def join_pairs(labels: Integers, left: Integers, right: Integers) -> None:
    """Give the sets of both members of each pair one label."""
    if len(left):
        graph = csr_matrix((np.ones(len(left), bool), (labels[left], labels[right])), shape=(len(labels), len(labels)))
        labels[:] = connected_components(graph, directed=False)[1][labels]
