"""The contract of plugins, kept by stacking_fusion."""

from __future__ import annotations

from redheart_core.testing import conformance_tests

test_conformance = conformance_tests("stacking_fusion")
