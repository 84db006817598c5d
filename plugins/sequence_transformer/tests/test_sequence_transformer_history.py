"""The node on earlier scenarios keeps redheart's contract."""

from __future__ import annotations

from redheart_core.testing import conformance_tests

test_history = conformance_tests("sequence_history")
