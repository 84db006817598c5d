"""The plugin keeps its contract."""

from __future__ import annotations

from redheart_core.testing import conformance_tests

test_conformance = conformance_tests("multi_agent")
