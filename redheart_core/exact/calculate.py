"""The one way to call an exact calculator: its inputs and its result are checked."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import TYPE_CHECKING, Any

from redheart_core.contract.calculators import CalculatorInput, CalculatorSpec
from redheart_core.contract.errors import DataError, PluginError, join_complaints

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def calculate(spec: CalculatorSpec, settings: Any, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Check the inputs, compute, and check the result.

    Args:
        spec: Of the calculator.
        settings: An instance of its settings class.
        inputs: Numbers, nested lists or arrays by name; None and NaN are missing numbers.

    Returns:
        What compute gives, as plain JSON.

    Raises:
        DataError: An input is unknown, missing, empty, ragged, not numbers or not finite, the calculator refuses it,
            or numbers overflow on the way.
        PluginError: The result is not what a calculator may give.
    """
    import numpy as np  # a listing of plugins needs none

    arrays = _arrays(spec, inputs)
    try:
        with np.errstate(divide="raise", over="raise", invalid="raise"):
            result = spec.compute(settings, arrays)
    except DataError as error:
        raise DataError(f"calculator '{spec.name}': {error}") from error
    except FloatingPointError as error:
        raise DataError(f"calculator '{spec.name}': {error}; choose another unit for the inputs") from error
    if not isinstance(result, Mapping):
        raise PluginError(f"calculator '{spec.name}' has to give a mapping, it gave {type(result).__name__}")
    return {str(key): _plain(value, f"calculator '{spec.name}' gave '{key}'") for key, value in result.items()}


def _arrays(spec: CalculatorSpec, inputs: Mapping[str, Any]) -> dict[str, NDArray[np.float64]]:
    """The inputs as float64 arrays that cannot be written to; all complaints at once."""
    declared = {given.name: given for given in spec.inputs}
    complaints = [
        f"there is no input '{name}' (inputs: {', '.join(sorted(declared))})"
        for name in sorted(inputs.keys() - declared.keys())
    ]
    complaints += [
        f"the input '{given.name}' is missing: {given.axes}, {given.meaning}"
        for given in spec.inputs
        if given.required and given.name not in inputs
    ]
    arrays = {}
    for name, values in inputs.items():
        if name in declared:
            try:
                arrays[name] = _array(declared[name], values)
            except DataError as error:
                complaints.append(f"the input '{name}' {error}")
    if complaints:
        raise DataError(join_complaints(f"calculator '{spec.name}' cannot use its inputs:", complaints))
    return arrays


def _array(given: CalculatorInput, values: Any) -> NDArray[np.float64]:
    import numpy as np

    expected = f"expects numbers in a rectangular array of shape {given.axes}"
    try:
        found = np.asarray(values)
    except ValueError as error:
        raise DataError(f"{expected}, got lists of different lengths") from error
    if found.size == 0:
        raise DataError(f"is empty (shape {found.shape}); give at least one number")
    if found.dtype.kind == "O":
        odd = sorted({type(value).__name__ for value in found.flat if not isinstance(value, Real | None)})
    else:
        odd = [] if found.dtype.kind in "biuf" else ["text" if found.dtype.kind in "SU" else found.dtype.name]
    if odd:
        raise DataError(f"{expected}, got {', '.join(odd)}")
    try:
        array = found.astype(np.float64)
    except OverflowError as error:
        raise DataError(f"{expected}, got a number that is too large") from error
    infinite, missing = np.isinf(array), np.isnan(array)
    if infinite.any():
        raise DataError(f"has to be finite, got {array[infinite][0]:g} at {_place(infinite)}")
    if missing.any() and not given.missing:
        count = f"{int(missing.sum())} of {array.size} missing"
        raise DataError(f"lacks the number at {_place(missing)} ({count}); give it, or leave out its whole record")
    array.setflags(write=False)
    return array


def _place(bad: NDArray[np.bool_]) -> str:
    """Where the first one is, counted from 0."""
    import numpy as np

    return "[" + ", ".join(str(int(index)) for index in np.argwhere(bad)[0]) + "]"


def _plain(value: Any, where: str) -> Any:
    """The same as JSON values; a number that is not finite is a fault of the calculator."""
    import math

    import numpy as np

    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): _plain(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, f"{where}[{place}]") for place, item in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        raise PluginError(f"{where} as {value}; a result is finite, or None where it is undefined")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise PluginError(f"{where} as {type(value).__name__}; a result holds numbers, text, lists and mappings")
