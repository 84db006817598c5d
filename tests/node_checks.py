"""The conformance checks of nodes as parameters of a test."""

from __future__ import annotations

import pytest

from redheart_core.testing import NODE_CHECKS
from redheart_core.testing.runner import LONG_CHECKS

CHECKS = [
    pytest.param(
        check, id=check.__name__.removeprefix("check_"), marks=[pytest.mark.thorough] if check in LONG_CHECKS else []
    )
    for check in NODE_CHECKS
]
