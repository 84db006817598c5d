"""The contract of plugins, kept by neural_emotion."""

from __future__ import annotations

from redheart_core.testing import conformance_tests

test_conformance = conformance_tests("neural_emotion")
