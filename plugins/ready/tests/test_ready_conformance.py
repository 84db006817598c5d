"""The model keeps the contract of models."""

from __future__ import annotations

from redheart_core.testing import conformance_tests

test_conformance = conformance_tests("ready")
