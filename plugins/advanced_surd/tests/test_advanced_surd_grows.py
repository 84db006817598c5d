"""Advanced SURD grows without a change of its outputs."""

from __future__ import annotations

from growth import assert_grows

from redheart_core.testing import Sample


def test_it_grows_twice_without_a_change(redheart_sample: Sample) -> None:
    assert_grows(
        "advanced_surd",
        redheart_sample,
        width=120,
        heads=6,
        layers=2,
        causal_width=96,
        causal_heads=6,
        transfer_width=40,
    )
