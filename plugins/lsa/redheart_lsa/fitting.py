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
        DataError: The chunks have no term that occurs often enough.
    """
    count = min(len(chunks), settings.fit_chunks)
    sample = [composed(chunks[number * len(chunks) // count]) for number in range(count)]
    found = [
        choose_terms("word", sample, settings.word_terms, settings.min_chunks, 1.0),
        choose_terms("character", sample, settings.character_terms, settings.min_chunks, settings.character_weight),
    ]
    terms = tuple(chosen for chosen, _ in found if chosen is not None)
    weighed = join([matrix for _, matrix in found])
    if not min(weighed.shape):
        raise DataError(
            f"encoder 'lsa': no term occurs in at least {settings.min_chunks} of the {len(sample)} chunks that it is "
            "fitted on; give more text, or set min_chunks lower under [plugins.lsa]"
        )
    return LsaEncoder(settings, terms, _decompose(weighed, min(settings.width, *weighed.shape), settings.seed))


def _decompose(weighed: Any, width: int, seed: int) -> NDArray[np.float32]:
    """The right singular vectors, (F, width), or fewer where the others are rounding."""
    # one thread, so that the result does not depend on the number of cores; the sparse products use one anyway
    with threadpool_limits(1):
        _, values, vectors = randomized_svd(
            weighed, width, n_iter=POWER_ITERATIONS, power_iteration_normalizer="LU", random_state=seed
        )
    return np.ascontiguousarray(vectors[values > NOISE * values[0]].T, np.float32)
