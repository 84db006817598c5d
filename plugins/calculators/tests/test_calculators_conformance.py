"""The contract of plugins, kept by every calculator."""

from __future__ import annotations

from redheart_core.testing import conformance_tests

test_exact_surd = conformance_tests("exact_surd")
test_exact_information = conformance_tests("exact_information")
test_exact_pid = conformance_tests("exact_pid")
test_exact_hedonic = conformance_tests("exact_hedonic")
test_exact_regret = conformance_tests("exact_regret")
test_exact_kalman = conformance_tests("exact_kalman")
test_exact_trajectory = conformance_tests("exact_trajectory")
test_exact_conformal = conformance_tests("exact_conformal")
test_exact_trend = conformance_tests("exact_trend")
test_exact_votes = conformance_tests("exact_votes")
