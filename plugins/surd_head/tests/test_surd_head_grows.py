"""The SURD head grows without a change of its outputs."""

from __future__ import annotations

from growth import assert_grows

from redheart_core.testing import Sample


def test_it_grows_twice_without_a_change(redheart_sample: Sample) -> None:
    assert_grows("surd_head", redheart_sample, width=192, heads=6, residual_layers=3)
