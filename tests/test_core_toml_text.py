"""TOML that is written is read back as equal by tomllib."""

from __future__ import annotations

import math
import tomllib
from typing import Any

import pytest

from redheart_core.storage.toml_text import to_toml


@pytest.mark.parametrize(
    "document",
    [
        {"groups": {"backbone": {"learning_rate": 1e-05}, "neural-x_1": {"learning_rate": 0.1 + 0.2}}},
        {"active": ["a", "b"], "plugins": {"a": {"width": 8, "on": True, "rates": [1e-300, 1.0]}}, "data": {}},
        {"text": 'a "quoted"\nline\t\\ \x7f \x01 마음 \U0001f600', "key with space": {"ü.x": "1"}},
        {"table": {"plain": 1, "deeper": {"deepest": {"x": -1.5}}, "empty": {}}},
    ],
)
def test_what_is_written_is_read_back_as_equal(document: dict[str, Any]) -> None:
    assert tomllib.loads(to_toml(document)) == document


@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_numbers_that_are_not_finite_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="finite numbers"):
        to_toml({"x": value})


def test_what_toml_has_no_word_for_is_refused() -> None:
    with pytest.raises(TypeError, match="NoneType"):
        to_toml({"x": None})
