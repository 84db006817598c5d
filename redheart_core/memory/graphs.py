"""Graphs of neighbours (HNSW, Malkov and Yashunin 2018, by usearch) over thousands of vectors each, and the vectors of
the cases that are in none, which are compared one by one.

A graph never changes: when one of its cases is deleted, the graph is deleted too, and its other cases wait for a new
one. So at most GRAPH_CASES - 1 vectors are ever compared one by one, and no deleted vector stays in a graph.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence

import attrs
import numpy as np
from numpy.typing import NDArray
from usearch.index import Index

GRAPH_CASES = 8192
"""Of one graph."""
_NEIGHBOURS, _EXPANSION_ADD, _EXPANSION_SEARCH = 16, 128, 48
"""Edges of a vector, and how many candidates are followed when one is added and when one is looked for."""


def build_graph(keys: NDArray[np.int64], vectors: NDArray[np.float32]) -> bytes:
    """A graph as bytes; equal vectors give an equal graph.

    Args:
        keys: (N,) of the cases.
        vectors: (N, D) of length 1; the graph holds them in half precision.
    """
    graph = _empty(vectors.shape[1])
    graph.add(keys.astype(np.uint64), vectors, threads=1)
    content = graph.save()
    assert content is not None  # as no path is given
    return bytes(content)


def seal_of(content: bytes) -> bytes:
    """A digest of a graph."""
    return hashlib.blake2b(content, digest_size=16).digest()


@attrs.frozen(eq=False)
class Near:
    """Cases near a vector."""

    keys: NDArray[np.int64]
    products: NDArray[np.float32]
    """With the vector, up to the rounding of the graph's half precision."""

    @classmethod
    def joined(cls, several: Sequence[Near]) -> Near:
        """Those of all parts."""
        return cls(np.concatenate([one.keys for one in several]), np.concatenate([one.products for one in several]))

    def only(self, keys: Collection[int]) -> Near:
        """Those of some keys."""
        kept = np.isin(self.keys, np.fromiter(keys, np.int64, len(keys)))
        return Near(self.keys[kept], self.products[kept])

    def product_of(self, place: int) -> float:
        """The product of the case at a place, counted from 1 for the nearest; minus infinity if there are fewer."""
        if len(self.products) < place:
            return -np.inf
        return float(-np.partition(-self.products, place - 1)[place - 1])

    def best(self, most: int) -> list[int]:
        """The keys of the nearest, at most so many."""
        keys: list[int] = self.keys[largest(self.products, most)].tolist()
        return keys


@attrs.define(eq=False)
class Loaded:
    """The graphs of a memory in this process, and the vectors that are in none."""

    width: int
    graphs: dict[int, Index] = attrs.field(factory=dict)
    keys: NDArray[np.int64] = attrs.field(factory=lambda: np.empty(0, np.int64))
    vectors: NDArray[np.float32] = attrs.field(
        default=attrs.Factory(lambda self: np.empty((0, self.width), np.float32), takes_self=True)
    )
    changes: str = ""
    """State of the memory that this is of."""

    def add_graph(self, number: int, content: bytes) -> None:
        """Take up one more graph."""
        graph = _empty(self.width)
        graph.load(content)
        self.graphs[number] = graph

    def keep(self, graphs: Iterable[int], keys: Sequence[int]) -> tuple[list[int], list[int]]:
        """Let go of all other graphs and single vectors.

        Returns:
            The graphs and the keys of single vectors that are still to be taken up.
        """
        wanted = set(graphs)
        self.graphs = {number: graph for number, graph in self.graphs.items() if number in wanted}
        kept = np.isin(self.keys, np.asarray(keys, np.int64))
        self.keys, self.vectors = self.keys[kept], self.vectors[kept]
        here = set(self.keys.tolist())
        return sorted(wanted - set(self.graphs)), [key for key in keys if key not in here]

    def add_vectors(self, keys: Sequence[int], vectors: NDArray[np.float32]) -> None:
        """Take up single vectors."""
        self.keys = np.concatenate([self.keys, np.asarray(keys, np.int64)])
        self.vectors = np.concatenate([self.vectors, vectors])

    @property
    def count(self) -> int:
        """How many cases there are."""
        return sum(len(graph) for graph in self.graphs.values()) + len(self.keys)

    @property
    def parts(self) -> list[Index | None]:
        """The graphs, and None for the single vectors."""
        return [*self.graphs.values(), None]

    def near(self, part: Index | None, query: NDArray[np.float32], most: int) -> Near:
        """Cases of a part near a vector (D,), at most so many."""
        if part is None:
            products = self.vectors @ query
            best = largest(products, most)
            return Near(self.keys[best], products[best])
        part.expansion_search = max(_EXPANSION_SEARCH, most)  # type: ignore[misc]  # mypy misses its setter
        found = part.search(query, most, threads=1)
        return Near(found.keys.astype(np.int64), (1.0 - found.distances).astype(np.float32))

    def among(self, keys: NDArray[np.int64], query: NDArray[np.float32]) -> Near:
        """The products of chosen cases with a vector (D,), each computed."""
        found = []
        for graph in self.graphs.values():
            own = keys[graph.contains(keys.astype(np.uint64))]
            vectors = np.asarray(graph.get(own.astype(np.uint64)), np.float32).reshape(len(own), self.width)
            found.append(Near(own, vectors @ query))
        single = np.isin(self.keys, keys)
        return Near.joined([*found, Near(self.keys[single], self.vectors[single] @ query)])


def largest(products: NDArray[np.float32], most: int) -> NDArray[np.intp]:
    """The places of the largest numbers, at most so many, in any order."""
    if len(products) <= most:
        return np.arange(len(products))
    return np.argpartition(-products, most - 1)[:most]


def _empty(width: int) -> Index:
    return Index(
        ndim=width,
        metric="ip",
        dtype="f16",
        connectivity=_NEIGHBOURS,
        expansion_add=_EXPANSION_ADD,
        expansion_search=_EXPANSION_SEARCH,
    )
