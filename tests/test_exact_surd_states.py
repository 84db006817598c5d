"""Shares of single target states."""

from __future__ import annotations

import numpy as np
import pytest

from redheart_core import DataError
from redheart_core.exact.surd import SampleCodes, decompose_samples, state_shares

BITS = np.array([(a, b) for a in (0, 1) for b in (0, 1)])


def test_a_copy_of_one_source_is_unique_in_every_state() -> None:
    shares = state_shares(SampleCodes.of(BITS[:, 0], BITS, None))
    np.testing.assert_allclose(shares, [[0.0, 1.0, 0.0, 0.0]] * 4, atol=1e-12)


def test_an_and_gate_tells_less_of_its_common_state() -> None:
    # S26: i_1(0) = 0.0817, i_12(0) = 0.4150 = -log2(3/4); i_1(1) = 1, i_12(1) = 2
    shares = state_shares(SampleCodes.of(BITS.prod(1), BITS, None))
    redundant = 0.081704165946 / 0.415037499279
    np.testing.assert_allclose(shares[0], [1 - redundant, 0.0, redundant, 0.0], atol=1e-9)
    np.testing.assert_allclose(shares[3], [0.5, 0.0, 0.5, 0.0], atol=1e-12)


def test_the_mean_over_states_is_the_whole_decomposition() -> None:
    rng = np.random.default_rng(7)
    sources = rng.integers(0, 3, (4000, 3))
    target = (sources[:, 0] + sources[:, 1] * (rng.random(4000) < 0.7)) % 4 + 5
    shares = state_shares(SampleCodes.of(target, sources, None))
    surprise = -np.log2(np.unique(target, return_counts=True)[1] / 4000)[np.unique(target, return_inverse=True)[1]]
    np.testing.assert_allclose(shares.sum(1), 1.0, atol=1e-12)
    whole = decompose_samples(target, sources).shares()
    np.testing.assert_allclose((shares * surprise[:, None]).mean(0) / surprise.mean(), list(whole.values()), atol=1e-9)


def test_a_target_that_never_varies_is_refused() -> None:
    with pytest.raises(DataError, match="the target never varies"):
        state_shares(SampleCodes.of(np.zeros(4, int), BITS, None))
