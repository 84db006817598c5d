"""The regret head grows without a change of its outputs."""

from __future__ import annotations

from growth import assert_grows

from redheart_core.testing import Sample


def test_it_grows_twice_without_a_change(redheart_sample: Sample) -> None:
    assert_grows("regret_head", redheart_sample, width=150, heads=5)
