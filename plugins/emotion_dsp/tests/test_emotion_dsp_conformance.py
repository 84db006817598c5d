"""The contract of plugins, kept by emotion_dsp."""

from __future__ import annotations

from redheart_core.testing import conformance_tests

test_conformance = conformance_tests("emotion_dsp")
