"""The contract of plugins, kept by regret_head."""

from __future__ import annotations

from redheart_core.testing import conformance_tests

test_conformance = conformance_tests("regret_head")
