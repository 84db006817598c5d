"""The conformance checks of nodes as parameters of a test."""

from __future__ import annotations

import pytest

from redheart_core.testing import NODE_CHECKS
from redheart_core.testing.runner import marks_of

CHECKS = [pytest.param(check, id=check.__name__.removeprefix("check_"), marks=marks_of(check)) for check in NODE_CHECKS]
