"""Equality up to the rounding of another batch."""

from __future__ import annotations

from typing import Any

TOLERANCE = 1e-5


def same_answer(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal, numbers up to TOLERANCE."""
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= TOLERANCE * max(1.0, abs(one))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_answer(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_answer, one, other))
    return bool(one == other)
