"""The contract of plugins, kept by advanced_bentham on the embedded data, which labels everything."""

from __future__ import annotations

from redheart_core.testing import conformance_tests

test_conformance = conformance_tests("advanced_bentham")
