"""The contract of plugins, kept by lsa."""

from __future__ import annotations

from redheart_core.testing import conformance_tests

test_conformance = conformance_tests("lsa", settings={"width": 24})
