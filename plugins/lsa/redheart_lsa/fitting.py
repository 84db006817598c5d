"""Fits the encoder to the chunks of the train split."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.extmath import randomized_svd
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

from redheart_core import DataError
from redheart_core.contract.names import composed
from redheart_core.data.terms import choose_terms, join
from redheart_lsa.encoder import LsaEncoder
from redheart_lsa.settings import LsaSettings

POWER_ITERATIONS = 4
NOISE = 1e-5
"""A singular value below this share of the largest one is rounding in float32."""


def fit(settings: LsaSettings, chunks: Sequence[str]) -> LsaEncoder:
    """Choose the terms and find the right singular vectors of their TF-IDF matrix.

    Latent semantic analysis (Deerwester et al. 1990) by the randomised method of
    Halko, Martinsson and Tropp (2011).

    Raises:
        DataError: The chunks have fewer independent directions than settings.width.
    """
    count = min(len(chunks), settings.fit_chunks)
    sample = [composed(chunks[number * len(chunks) // count]) for number in range(count)]
    found = [
        choose_terms("word", sample, settings.word_terms, settings.min_chunks, 1.0),
        choose_terms("character", sample, settings.character_terms, settings.min_chunks, settings.character_weight),
    ]
    terms = tuple(chosen for chosen, _ in found if chosen is not None)
    weighed = join([matrix for _, matrix in found])
    directions, vectors = _decompose(weighed, min(settings.width, *weighed.shape), settings.seed)
    if directions < settings.width:
        raise _too_few(settings, weighed.shape, directions)
    return LsaEncoder(settings, terms, vectors)


def _decompose(weighed: Any, width: int, seed: int) -> tuple[int, NDArray[np.float32]]:
    """How many directions are more than rounding, and the right singular vectors (F, width)."""
    if width == 0:
        return 0, np.zeros((weighed.shape[1], 0), np.float32)
    # one thread, so that the result does not depend on the number of cores; the sparse products use one anyway
    with threadpool_limits(1):
        _, values, vectors = randomized_svd(
            weighed, width, n_iter=POWER_ITERATIONS, power_iteration_normalizer="LU", random_state=seed
        )
    return int((values > NOISE * values[0]).sum()), np.ascontiguousarray(vectors.T, np.float32)


def _too_few(settings: LsaSettings, shape: tuple[int, int], directions: int) -> DataError:
    advice = (
        f"set width = {directions} or less under [plugins.lsa], or give more text"
        if directions
        else "give more text, or set min_chunks lower under [plugins.lsa]"
    )
    return DataError(
        f"encoder 'lsa': {shape[0]} chunks with {shape[1]} terms that occur in at least {settings.min_chunks} chunks "
        f"hold {directions} independent directions, width = {settings.width} is more; {advice}"
    )
