"""The plugin keeps redheart's contract."""

from __future__ import annotations

import pytest

from redheart_core.testing import conformance_tests
from redheart_core.testing.sample import sample_without_texts
from redheart_core.testing.subject import Sample
from redheart_series import redheart_provide_datasets


@pytest.fixture(scope="session")
def redheart_sample() -> Sample:
    """Windows of the data set's own sample."""
    return sample_without_texts(redheart_provide_datasets()[0])


test_conformance = conformance_tests("series")
