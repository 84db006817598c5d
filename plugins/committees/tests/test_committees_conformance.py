"""The contract of plugins, kept by the members and the fusions."""

from __future__ import annotations

from redheart_core.testing import conformance_tests

test_conformance = conformance_tests("committees")
