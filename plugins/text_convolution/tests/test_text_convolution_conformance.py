"""The contract of plugins, kept by text_convolution."""

from __future__ import annotations

from redheart_core.testing import conformance_tests

test_conformance = conformance_tests("text_convolution")
