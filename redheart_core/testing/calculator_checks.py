"""Checks of calculators, each with its default settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from redheart_core.contract.calculators import CalculatorSpec
from redheart_core.contract.errors import DataError, PluginError
from redheart_core.exact.calculate import calculate
from redheart_core.testing.plugin import ConformanceError, Plugin, require


@attrs.frozen
class CalculatorSubject:
    """A calculator, which brings its own example."""

    plugin: Plugin
    spec: CalculatorSpec

    def calculate(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The result with the default settings."""
        return calculate(self.spec, self.spec.settings(), inputs)


def check_example(subject: CalculatorSubject) -> None:
    """The example computes, to something that JSON can hold."""
    try:
        result = subject.calculate(subject.spec.example)
    except (DataError, PluginError) as error:
        raise ConformanceError(f"plugin '{subject.plugin.name}' cannot compute its own example: {error}") from error
    require(subject.plugin, bool(result), "its example gives an empty result")


def check_same_result_twice(subject: CalculatorSubject) -> None:
    """The same inputs give the same result, whatever was computed before."""
    first, second = (subject.calculate(subject.spec.example) for _ in range(2))
    differing = sorted(key for key in first.keys() | second.keys() if first.get(key) != second.get(key))
    require(
        subject.plugin,
        not differing,
        f"computed twice, {', '.join(differing)} differ; draw numbers from a generator whose seed is a setting",
    )


def check_wrong_inputs_refused(subject: CalculatorSubject) -> None:
    """An unknown input, a missing one, none at all, and one that lacks a number are refused."""
    example = subject.spec.example
    name = "no_such_input"
    _require_refused(subject, {**example, name: 1.0}, "an input that it does not declare", name)
    _require_refused(subject, {}, "no input at all")
    for given in subject.spec.inputs:
        if given.required:
            rest = {key: values for key, values in example.items() if key != given.name}
            _require_refused(subject, rest, f"no '{given.name}'", given.name)
        if given.name in example and not given.missing:
            holed = np.array(example[given.name], dtype=np.float64)
            holed.flat[0] = np.nan
            _require_refused(subject, {**example, given.name: holed}, f"NaN in '{given.name}'", given.name)


def check_odd_inputs(subject: CalculatorSubject) -> None:
    """Inputs that fit the declaration but not each other or the mathematics give a result or a DataError."""
    for name, values in subject.spec.example.items():
        for what, odd in _odd(np.asarray(values, dtype=np.float64)):
            try:
                subject.calculate({**subject.spec.example, name: odd})
            except DataError:
                continue
            except Exception as error:  # a third party's code may raise anything; that is the finding
                raise ConformanceError(
                    f"plugin '{subject.plugin.name}': for '{name}' {what}, it has to give a result or raise "
                    f"a DataError, it raised {type(error).__name__}: {error}"
                ) from error


def _odd(values: NDArray[np.float64]) -> Iterator[tuple[str, NDArray[np.float64]]]:
    yield "all zero", np.zeros_like(values)
    yield "negated", -values
    yield "far too large", values * 1e300
    yield "with one more axis", values[None]
    yield "as a single number", np.array(values.flat[0])
    if values.ndim:
        yield "cut to its first entry", values[:1]
        yield "with an entry twice", np.concatenate([values, values[:1]])
    if values.ndim > 1:
        yield "transposed", values.T


def _require_refused(subject: CalculatorSubject, inputs: Mapping[str, Any], what: str, name: str = "") -> None:
    try:
        subject.calculate(inputs)
    except DataError as error:
        named = subject.spec.name in str(error) and name in str(error)
        require(subject.plugin, named, f"it refuses {what} without naming it: {error}")
        return
    raise ConformanceError(f"plugin '{subject.plugin.name}': given {what}, it has to raise a DataError; nothing came")
