"""A chunk alone and in company: an encoder has to give nearly the same vectors, so that analysis sees what was trained.

Sums of floating-point numbers depend on the shape of the matrices that they are part of, so that nearly no encoder
gives the same bits for a text alone and in a batch. What is stored is what trains; an analysis stays this close to it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

Encode = Callable[[Sequence[str]], NDArray[Any]]

TOLERANCE: Mapping[str, float] = MappingProxyType({"float32": 1e-5, "float16": 1e-4})
"""By the type of the vectors: how far a chunk's vector alone may lie from that in company, as a share of its length."""


@attrs.frozen
class Deviation:
    """How far a chunk's vector alone lies from that in company."""

    chunk: str
    distance: float
    """As a share of the length of the vector in company; infinite if that alone is zero, or a number is not finite."""
    tolerance: float

    @property
    def too_large(self) -> bool:
        return self.distance > self.tolerance

    def __str__(self) -> str:
        return (
            f"{self.distance:.2g} of its length away, {self.tolerance:g} is allowed, "
            f"for the chunk {self.chunk!r:.60} of {len(self.chunk)} characters"
        )


def largest_deviation(encode: Encode, chunks: Sequence[str], vectors: NDArray[Any]) -> Deviation:
    """The largest one of some chunks: the first, the shortest, the longest, and two of lengths between.

    Args:
        encode: N chunks to (N, D) vectors.
        chunks: One or more.
        vectors: What encode gave for all of them together.
    """
    by_length = sorted(range(len(chunks)), key=lambda place: len(chunks[place]))
    between = [by_length[len(chunks) * part // 4] for part in range(4)]
    places = dict.fromkeys((0, *between, by_length[-1]))
    return max((_deviation(encode, chunks[place], vectors[place]) for place in places), key=lambda one: one.distance)


def _deviation(encode: Encode, chunk: str, among: NDArray[Any]) -> Deviation:
    alone = encode([chunk])[0]
    apart, length = (float(np.linalg.norm(v.astype(np.float64))) for v in (alone.astype(np.float64) - among, among))
    distance = apart / length if length else (math.inf if apart else 0.0)
    return Deviation(chunk, distance if math.isfinite(distance) else math.inf, TOLERANCE[str(among.dtype)])
