"""Fields: what a record's value may be, and what becomes of it."""

from __future__ import annotations

import math
import unicodedata

import numpy as np
import pytest

from redheart_core import DataError, Field

PERSONS = Field("persons", "moods of up to three persons", -1.0, 1.0, labels=("up", "down"), axes=(3,))
SIGNAL = Field("signal", "two channels over four steps", -5.0, 5.0, axes=(4, 2))
SHARES = Field("shares", "distributions at two places", 0.0, 1.0, labels=("a", "b"), simplex=True, axes=(2,))
NUMBER = Field("worth", "a number", 0.0, 1.0)


def test_a_value_along_an_axis_fills_the_axis_from_the_start_and_leaves_the_rest_missing() -> None:
    numbers = PERSONS.to_numbers([{"up": 0.5, "down": -1}, {"up": 0.25}], "line 1")
    expected = np.array([[0.5, -1.0], [0.25, math.nan], [math.nan, math.nan]], dtype=np.float32)
    np.testing.assert_array_equal(numbers, expected)
    assert numbers.dtype == np.float32


def test_a_place_on_an_axis_may_be_missing() -> None:
    numbers = PERSONS.to_numbers([None, {"up": 1.0, "down": 0.0}], "line 1")
    assert np.isnan(numbers[0]).all()
    np.testing.assert_array_equal(numbers[1], [1.0, 0.0])


def test_lists_in_lists_follow_the_axes() -> None:
    numbers = SIGNAL.to_numbers([[1, 2], [3, None]], "line 1")
    np.testing.assert_array_equal(numbers[:2], [[1.0, 2.0], [3.0, math.nan]])
    assert np.isnan(numbers[2:]).all()


def test_an_array_of_the_whole_shape_is_taken_as_it_is() -> None:
    value = np.arange(8, dtype=np.float64).reshape(4, 2) / 2
    value[3, 1] = np.nan
    np.testing.assert_array_equal(SIGNAL.to_numbers(value, "line 1"), value.astype(np.float32))


def test_a_missing_value_is_missing_everywhere() -> None:
    assert np.isnan(PERSONS.to_numbers(None, "line 1")).all()
    assert NUMBER.to_numbers(None, "line 1").shape == ()


def test_each_place_of_a_distribution_sums_to_one() -> None:
    numbers = SHARES.to_numbers([{"a": 0.25, "b": 0.75}, {"a": 0.5, "b": 0.505}], "line 1")
    np.testing.assert_allclose(numbers.sum(-1), 1.0, atol=1e-7)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        (PERSONS, {"up": 0.0, "down": 0.0}, "persons expects a list of at most 3, got dict"),
        (PERSONS, [{}] * 4, "persons expects at most 3 entries, got 4"),
        (PERSONS, [{"up": 0.0}, {"left": 0.0}], r"field 'persons\[1\]' has no label left \(labels: up, down\)"),
        (PERSONS, [{"up": 2.0}], r"persons\[0\].up expects a value in -1..1, got 2.0"),
        (PERSONS, [{"up": math.nan}], r"persons\[0\].up expects a value in -1..1, got nan"),
        (SIGNAL, np.zeros((4, 3)), r"field 'signal' expects floats of shape \(4, 2\); got float64 of shape \(4, 3\)"),
        (SIGNAL, np.zeros((4, 2), dtype=np.int64), "expects floats of shape"),
        (SIGNAL, np.full((4, 2), 6.0), "signal expects a value in -5..5, got"),
        (SIGNAL, np.full((4, 2), np.inf), "signal expects a value in -5..5, got"),
        (SHARES, np.full((2, 2), 0.5), "expects objects with labels, since it sums to one"),
        (SHARES, [{"a": 0.25, "b": 0.5}], "has to sum to 1 over a, b; got 0.75"),
        (NUMBER, True, "worth expects a number, got bool"),
    ],
)
def test_a_wrong_value_is_refused_with_its_place(field: Field, value: object, message: str) -> None:
    with pytest.raises(DataError, match=f"line 1: .*{message}"):
        field.to_numbers(value, "line 1")


def test_every_number_of_a_record_has_a_name_in_memory_order() -> None:
    assert PERSONS.elements == ("1.up", "1.down", "2.up", "2.down", "3.up", "3.down")
    assert SIGNAL.elements[:3] == ("1.1", "1.2", "2.1")
    assert NUMBER.elements == ("worth",)
    assert math.prod(PERSONS.shape) == len(PERSONS.elements)


def test_names_and_labels_are_compared_in_composed_form() -> None:
    apart = unicodedata.normalize("NFD", "été")
    field = Field(apart, "heat", 0.0, 1.0, labels=(apart, "hiver"))
    assert (field.name, field.labels) == ("été", ("été", "hiver"))
    assert field.with_labels(apart).labels == ("été",)
    assert field.to_numbers({apart: 0.5}, "line 1").tolist()[0] == 0.5
    with pytest.raises(DataError, match="has no label printemps"):
        field.to_numbers({apart: 0.5, "printemps": 1.0}, "line 1")
