"""A chunk alone and in company: rounding is allowed, more is not, whatever the chunk's length and place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from word_store import Settings, WordHashEncoder, fit, load, make, word_hash

from redheart_core import EncoderSpec, PluginError
from redheart_core.data.company import largest_deviation

CHUNKS = ("ab abc", "a", "a b c d e f g", "abcd", "abcdefg abc", "ab")


def lengths(chunks: Sequence[str]) -> NDArray[np.float32]:
    return np.array([[len(chunk), chunk.count(" "), 100.0] for chunk in chunks], np.float32)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize(("factor", "too_large"), [(0.9, False), (1.1, True)])
def test_the_distance_is_a_share_of_the_vectors_length(dtype: str, factor: float, too_large: bool) -> None:
    tolerance = {"float32": 1e-5, "float16": 1e-4}[dtype]
    vectors = np.zeros((len(CHUNKS), 2), dtype)
    vectors[:, 0] = 64.0

    def encode(chunks: Sequence[str]) -> NDArray[Any]:
        return np.array([[64.0, 64.0 * tolerance * factor]], dtype)

    found = largest_deviation(encode, CHUNKS, vectors)
    assert found.distance == pytest.approx(tolerance * factor, rel=1e-2)
    assert found.too_large is too_large


@pytest.mark.parametrize("chunk", [CHUNKS[0], min(CHUNKS, key=len), max(CHUNKS, key=len)])
def test_the_first_the_shortest_and_the_longest_chunk_are_looked_at(chunk: str) -> None:
    def encode(chunks: Sequence[str]) -> NDArray[np.float32]:
        return lengths(chunks) * np.float32(1.001 if list(chunks) == [chunk] else 1.0)

    found = largest_deviation(encode, CHUNKS, lengths(CHUNKS))
    assert found.chunk == chunk
    assert found.too_large
    assert found.distance == pytest.approx(1e-3, rel=1e-2)


def test_a_vector_that_is_zero_among_others_has_to_be_zero_alone() -> None:
    zero = np.zeros((len(CHUNKS), 3), np.float32)
    assert largest_deviation(lengths, CHUNKS, zero).too_large
    assert largest_deviation(lambda chunks: zero[: len(chunks)], CHUNKS, zero).distance == 0.0


def test_numbers_that_are_not_finite_are_too_far_away() -> None:
    broken = np.full((len(CHUNKS), 3), np.nan, np.float32)
    assert largest_deviation(lengths, CHUNKS, broken).too_large


class Rounding(WordHashEncoder):
    """Differs by a share of its vectors as soon as it sees several chunks."""

    share = np.float32(0.0)

    def encode(self, chunks: Sequence[str]) -> NDArray[np.float32]:
        return super().encode(chunks) * np.float32(1.0 + (self.share if len(chunks) > 1 else 0.0))


def rounding(share: float) -> EncoderSpec:
    class Rounded(Rounding):
        pass

    Rounded.share = np.float32(share)

    def fitted(settings: Settings, chunks: Sequence[str]) -> WordHashEncoder:
        return Rounded(settings.width, fit(settings, chunks)._words)

    def loaded(folder: Path) -> WordHashEncoder:
        known = load(folder)
        return Rounded(known.width, known._words)

    return word_hash(fit=fitted, load=loaded)


def test_preparation_takes_an_encoder_that_rounds_and_stores_what_it_gave_in_company(tmp_path: Path) -> None:
    store = make(tmp_path / "rounded", rounding(5e-6))
    plain = make(tmp_path / "plain")
    assert (store.batch(store.rows("train"))[0] != plain.batch(plain.rows("train"))[0]).any()
    with pytest.raises(PluginError, match=r"another vector when it is alone.*5e-05 of its length away, 1e-05 is"):
        make(tmp_path / "refused", rounding(5e-5))
