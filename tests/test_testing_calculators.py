"""Calculators: how one is called, and how the conformance kit checks it."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import attrs
import numpy as np
import pytest
from numpy.typing import NDArray

from redheart_core import (
    CalculatorInput,
    CalculatorSpec,
    DataError,
    PluginError,
    calculate,
    hookimpl,
)
from redheart_core.discovery.entries import Entry
from redheart_core.testing import (
    CALCULATOR_CHECKS,
    PLUGIN_CHECKS,
    CalculatorSubject,
    ConformanceError,
    Plugin,
    check_plugin,
    checks_of,
    load_module,
)

ENTRY = Entry("made_up", "json", "made-up", "1.0")
"""Of plugins that no package offers; the module imports quickly."""

EXAMPLE, TWICE, WRONG, ODD = CALCULATOR_CHECKS
DECLARATION = PLUGIN_CHECKS[1]
Arrays = Mapping[str, NDArray[np.float64]]


@attrs.frozen
class Settings:
    """What the toy multiplies its mean with."""

    factor: float = 1.0


def mean(settings: Settings, inputs: Arrays) -> dict[str, Any]:
    if inputs["x"].ndim != 1:
        raise DataError(f"x has to be of shape (N,), got {inputs['x'].shape}")
    return {"mean": settings.factor * np.nanmean(inputs["x"] / len(inputs["x"])) * len(inputs["x"])}


INPUTS = (
    CalculatorInput("x", "numbers", "(N,)"),
    CalculatorInput("y", "further numbers", "(N,)", required=False, missing=True),
)
SPEC = CalculatorSpec("toy", "the mean of numbers", Settings, INPUTS, mean, {"x": [1, 2, 6]})


def spec(compute: Callable[[Any, Arrays], Any] = mean, **changes: Any) -> CalculatorSpec:
    return attrs.evolve(SPEC, compute=compute, **changes)


def subject(of: CalculatorSpec) -> CalculatorSubject:
    return CalculatorSubject(Plugin("toy", "calculator", of, ENTRY), of)


def giving(value: object) -> CalculatorSpec:
    return spec(lambda settings, inputs: {"value": value})


def test_a_calculator_gets_float_arrays_and_its_result_becomes_plain_json() -> None:
    seen: list[Arrays] = []

    def compute(settings: Settings, inputs: Arrays) -> dict[str, Any]:
        seen.append(inputs)
        return {"a": np.array([[1.5]]), "b": np.int64(3), "c": {"d": (True, None, "word")}, "e": np.float64(0.25)}

    result = calculate(spec(compute), Settings(), {"x": [1, True], "y": [[None, 2.5], [3, 4]]})
    assert result == {"a": [[1.5]], "b": 3, "c": {"d": [True, None, "word"]}, "e": 0.25}
    assert json.loads(json.dumps(result)) == result
    (inputs,) = seen
    assert [array.dtype for array in inputs.values()] == [np.float64, np.float64]
    assert math.isnan(inputs["y"][0, 0])
    with pytest.raises(ValueError, match="read-only"):
        inputs["x"][0] = 5.0


def test_the_callers_array_stays_writable() -> None:
    array = np.array([1.0, 2.0])
    calculate(SPEC, Settings(), {"x": array})
    array[0] = 3.0


def test_settings_reach_the_calculator() -> None:
    assert calculate(SPEC, Settings(factor=2.0), {"x": [1, 2, 6]}) == {"mean": 6.0}


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, r"the input 'x' is missing: \(N,\), numbers"),
        ({"x": [1], "z": [1]}, r"there is no input 'z' \(inputs: x, y\)"),
        ({"x": [[1], [1, 2]]}, "'x' expects .* got lists of different lengths"),
        ({"x": []}, r"'x' is empty \(shape \(0,\)\)"),
        ({"x": ["a"]}, "'x' expects .* got text"),
        ({"x": [None, "a"]}, "'x' expects .* got str"),
        ({"x": [1j]}, "'x' expects .* got complex128"),
        ({"x": [10**400]}, "'x' expects .* got a number that is too large"),
        ({"x": [0, math.inf]}, r"'x' has to be finite, got inf at \[1\]"),
        ({"x": [[0, 1], [2, math.nan]]}, r"'x' lacks the number at \[1, 1\] \(1 of 4 missing\)"),
        ({"x": [None]}, r"'x' lacks the number at \[0\]"),
        ({"x": [1], "y": [math.nan, -math.inf]}, r"'y' has to be finite, got -inf at \[1\]"),
        ({"x": [[1]]}, r"calculator 'toy': x has to be of shape \(N,\), got \(1, 1\)"),
    ],
)
def test_inputs_that_cannot_be_used_are_refused_by_name(inputs: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        calculate(SPEC, Settings(), inputs)
    assert "calculator 'toy'" in str(caught.value)


def test_all_complaints_come_at_once() -> None:
    with pytest.raises(DataError) as caught:
        calculate(SPEC, Settings(), {"y": [], "z": 1})
    assert len(str(caught.value).splitlines()) == 4


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (math.nan, "gave 'value' as nan; a result is finite, or None"),
        ({"deep": [1.0, np.array([math.inf])]}, r"gave 'value'\.deep\[1\]\[0\] as inf"),
        (object(), "gave 'value' as object"),
        (1j, "gave 'value' as complex"),
    ],
)
def test_a_result_that_json_cannot_hold_is_the_plugins_fault(value: object, message: str) -> None:
    with pytest.raises(PluginError, match=message):
        calculate(giving(value), Settings(), {"x": [1]})


def test_numbers_that_overflow_on_the_way_are_refused() -> None:
    with pytest.raises(DataError, match=r"calculator 'toy': overflow encountered in .*; choose another unit"):
        calculate(spec(lambda settings, inputs: {"value": inputs["x"] ** 2}), Settings(), {"x": [1e200]})


def test_a_good_calculator_passes_every_check() -> None:
    plugin = Plugin("toy", "calculator", SPEC, ENTRY)
    assert checks_of(plugin) == PLUGIN_CHECKS + CALCULATOR_CHECKS
    for check in CALCULATOR_CHECKS:
        check(subject(SPEC))
    DECLARATION(plugin)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inputs": ()}, "takes no input"),
        ({"inputs": (INPUTS[0], INPUTS[0])}, "declares an input twice: x, x"),
        ({"inputs": (attrs.evolve(INPUTS[0], name="X"),)}, "input 'X' has to be named in small letters"),
        ({"inputs": (attrs.evolve(INPUTS[0], meaning=" "),)}, "input 'x' has no meaning"),
        ({"inputs": (attrs.evolve(INPUTS[0], axes="rows"),)}, "input 'x' has the axes 'rows'"),
        ({"example": {"x": np.ones(3)}}, "its example has to be plain JSON"),
        ({"example": {"x": [math.nan]}}, "its example has to be plain JSON"),
    ],
)
def test_a_declaration_that_says_too_little_fails(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConformanceError, match=message):
        DECLARATION(Plugin("toy", "calculator", attrs.evolve(SPEC, **changes), ENTRY))


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (spec(example={"x": [[1]]}), "cannot compute its own example: .*got .1, 1."),
        (spec(example={}), r"(?s)cannot compute its own example: .*'x' is missing"),
        (giving(math.nan), "cannot compute its own example: .*as nan"),
        (spec(lambda settings, inputs: {}), "its example gives an empty result"),
        (spec(lambda settings, inputs: [1]), "cannot compute its own example: .* has to give a mapping, it gave list"),
    ],
)
def test_an_example_that_does_not_compute_fails(broken: CalculatorSpec, message: str) -> None:
    with pytest.raises(ConformanceError, match=message):
        EXAMPLE(subject(broken))


def test_a_calculator_that_draws_without_a_seed_fails() -> None:
    calls = itertools.count()
    with pytest.raises(ConformanceError, match="computed twice, value differ"):
        TWICE(subject(spec(lambda settings, inputs: {"value": next(calls)})))


def test_a_calculator_that_computes_without_any_input_fails() -> None:
    inputs = (attrs.evolve(INPUTS[0], required=False),)
    with pytest.raises(ConformanceError, match="given no input at all, it has to raise a DataError"):
        WRONG(subject(spec(lambda settings, inputs: {"value": 0}, inputs=inputs)))


@pytest.mark.parametrize(
    ("compute", "what"),
    [
        (lambda settings, inputs: {"value": 1 / int(inputs["x"].sum())}, "all zero"),
        (lambda settings, inputs: {"value": math.sqrt(inputs["x"].sum())}, "negated"),
        (lambda settings, inputs: {"value": inputs["x"] @ np.ones(3)}, "as a single number"),
        (
            lambda settings, inputs: {"value": float("nan") if len(inputs["x"].ravel()) == 1 else 0.0},
            "as a single number",
        ),
    ],
)
def test_an_accident_on_odd_inputs_fails(compute: Callable[[Any, Arrays], Any], what: str) -> None:
    with pytest.raises(ConformanceError, match=f"for 'x' {what}, it has to give a result"):
        ODD(subject(spec(compute)))


def test_a_module_that_offers_a_calculator_is_loaded_and_checked() -> None:
    module = ModuleType("made_up_toy")
    vars(module)["redheart_provide_calculators"] = hookimpl(redheart_provide_calculators)
    (plugin,) = load_module(module)
    assert (plugin.kind, plugin.spec) == ("calculator", SPEC)
    results = check_plugin("exact_votes")
    assert len(results) == len(PLUGIN_CHECKS) + len(CALCULATOR_CHECKS)
    assert {result.status for result in results} == {"passed"}


def redheart_provide_calculators() -> list[CalculatorSpec]:
    return [SPEC]
