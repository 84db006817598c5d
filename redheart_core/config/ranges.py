"""Ranges of the numbers in settings: what layers, losses and loops accept, as validators of attrs; torch-free."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
from attrs.validators import and_, ge, le, lt

MOST_SIZE = 16_384
"""Of a width; layers are up to several times as wide, and their product has to fit into memory."""
MOST_LAYERS = 256
"""Of what is repeated: layers, heads, experts, members."""
MOST_NUMBER = 1e6
"""Of a weight or scale, and its reciprocal of one that divides: both are whole numbers in float32."""

Validator = Callable[[Any, "attrs.Attribute[Any]", Any], Any]

SHARE: Validator = and_(ge(0.0), lt(1.0))
"""Of what is dropped."""
WEIGHT: Validator = and_(ge(0.0), le(MOST_NUMBER))
"""Of a loss that may be switched off."""
POSITIVE: Validator = and_(ge(1 / MOST_NUMBER), le(MOST_NUMBER))
"""Of a loss that may not, and of what divides."""


def width_from(least: int) -> Validator:
    """A width of at least so much."""
    return and_(ge(least), le(MOST_SIZE))


def repeated(least: int = 1) -> Validator:
    """How often something is there."""
    return and_(ge(least), le(MOST_LAYERS))


def divides_or_none(other: str) -> Validator:
    """A number that divides another setting; 0 stands for that setting itself."""
    check = divides(other)
    return lambda instance, attribute, value: check(instance, attribute, value) if value else None


def divides(other: str, part: Callable[[int], int] = lambda size: size) -> Validator:
    """A number that divides another setting, or a part of it."""

    def check(instance: object, attribute: attrs.Attribute[int], value: int) -> None:
        size = part(getattr(instance, other))
        if value < 1 or size % value:
            raise ValueError(f"'{attribute.name}' must divide {size}, which '{other}' gives: {value}")

    return check
