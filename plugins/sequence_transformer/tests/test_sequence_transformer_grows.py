"""The transformers over sequences grow without a change of their outputs."""

from __future__ import annotations

import pytest
from growth import assert_grows

from redheart_core.testing import Sample
from redheart_core.testing.sample import samples_without_texts

LAST = {"width": 96, "heads": 6, "layers": 3}


@pytest.mark.parametrize("name", ["sequence_forecast", "sequence_class"])
def test_over_a_series_it_grows_twice_without_a_change(name: str) -> None:
    windows = next(sample for sample in samples_without_texts() if "past" in sample.fields)
    assert_grows(name, windows, **LAST)


def test_over_earlier_scenarios_it_grows_twice_without_a_change(redheart_sample: Sample) -> None:
    assert_grows("sequence_history", redheart_sample, **LAST)
