"""The contract of plugins, kept by surd_head."""

from __future__ import annotations

from redheart_core.testing import conformance_tests

test_conformance = conformance_tests("surd_head")
