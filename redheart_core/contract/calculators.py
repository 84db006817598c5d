"""Exact calculators: what one declares; redheart_core.calculate calls it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from redheart_core.contract.builders import name_builders, to_function

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@attrs.frozen
class CalculatorInput:
    """One array that a calculator takes."""

    name: str
    meaning: str
    """What the numbers are, with unit and range."""
    axes: str
    """In words, such as "(N,)" or "(acts, states)"; "()" is a single number."""
    required: bool = True
    missing: bool = False
    """Whether NaN, null in JSON, is allowed and stands for a missing number."""


@attrs.frozen
class CalculatorSpec:
    """Mathematics without parameters: arrays to numbers. compute may be named as "package.module:function"."""

    name: str
    meaning: str
    settings: type[Any]
    """attrs class of the [plugins.<name>] table. A seed is a setting: same settings and inputs, same result."""
    inputs: tuple[CalculatorInput, ...]
    compute: Callable[[Any, Mapping[str, NDArray[np.float64]]], Mapping[str, Any]] = attrs.field(converter=to_function)
    """Settings and the inputs that were given to the result: finite numbers, whole numbers, booleans, text,
    None for what is undefined, and lists, arrays and mappings of these. Does not modify its inputs.
    Raises DataError for inputs that it cannot use."""
    example: Mapping[str, Any]
    """Inputs as nested lists with which the default settings work."""
    minimum_core: str = "0.1"

    def __attrs_post_init__(self) -> None:
        name_builders(self)
