"""The nodes on windows of a series keep redheart's contract."""

from __future__ import annotations

import pytest

from redheart_core.testing import conformance_tests
from redheart_core.testing.sample import samples_without_texts
from redheart_core.testing.subject import Sample


@pytest.fixture(scope="session")
def redheart_sample() -> Sample:
    """Windows of the series that redheart has as a sample."""
    return next(sample for sample in samples_without_texts() if "past" in sample.fields)


test_forecast = conformance_tests("sequence_forecast")
test_class = conformance_tests("sequence_class")
