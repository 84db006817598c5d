"""The backbone grows without a change of its outputs."""

from __future__ import annotations

from growth import assert_grows

from redheart_core.testing import Sample


def test_it_grows_twice_without_a_change(redheart_sample: Sample) -> None:
    assert_grows("backbone", redheart_sample, width=192, heads=6, layers=2)
