"""The contract of plugins, kept by advanced_surd."""

from __future__ import annotations

from redheart_core.testing import conformance_tests

test_conformance = conformance_tests("advanced_surd")
