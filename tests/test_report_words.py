"""Numbers read well, and the parts of a plot that can be computed by hand are right."""

from __future__ import annotations

import re

import pytest

from redheart_core.report.axes import epoch_ticks
from redheart_core.report.plots import EXCESS_COLORS, excess_color, sparkline
from redheart_core.report.words import duration, joined, number, percent, size


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (0.123456, "0.1235"), (0.1, "0.1000"), (1.0, "1.000"), (123.456, "123.5"), (1234.5, "1234"),
        (9999.96, "10,000"), (1234567.0, "1,234,567"), (0.00123456, "0.001235"), (1.23456e-5, "1.235e-05"),
        (-0.25, "-0.2500"), (2e16, "2.000e+16"),
    ],
)  # fmt: skip
def test_numbers_have_four_significant_digits(value: float, text: str) -> None:
    assert number(value) == text


def test_shares_durations_sizes_and_lists_read_well() -> None:
    assert [percent(share) for share in (0.0, 0.0312, 0.5, 25.0)] == ["0.00 %", "3.12 %", "50.0 %", "2,500 %"]
    assert [duration(s) for s in (1.25, 99.4, 100.0, 3725.0)] == ["1.25 s", "99.4 s", "1 min 40 s", "1 h 2 min"]
    assert [size(count) for count in (12, 1_500, 12_595_200, 3_000_000_000)] == [
        "12 bytes", "1.5 kB", "12.6 MB", "3.0 GB"
    ]  # fmt: skip
    assert [joined(words) for words in (["a"], ["a", "b"], ["a", "b", "c"])] == ["a", "a and b", "a, b and c"]


def test_the_heat_map_grows_darker_with_the_excess() -> None:
    assert [EXCESS_COLORS.index(excess_color(excess)) for excess in (0.0, 0.0049, 0.005, 0.07, 0.2, 30.0)] == [
        0, 0, 1, 4, 6, 7
    ]  # fmt: skip


def test_epoch_ticks_are_the_first_epochs_and_round_numbers() -> None:
    assert epoch_ticks(1, 3, 8) == [1, 2, 3]
    assert epoch_ticks(0, 3, 8) == [0, 1, 2, 3]
    assert epoch_ticks(1, 20, 8) == [1, 5, 10, 15, 20]
    assert epoch_ticks(0, 60, 8) == [0, 1, 10, 20, 30, 40, 50, 60]


def test_a_sparkline_marks_the_given_place() -> None:
    points = re.findall(r"[\d.]+,[\d.]+", sparkline([3.0, 1.0, 2.0], 1))
    assert points == ["3.5,3.5", "55.0,18.5", "106.5,11.0"]
    assert 'cx="55.0" cy="18.5"' in sparkline([3.0, 1.0, 2.0], 1)
    assert 'cy="18.5"' in sparkline([5.0, 5.0], 0)
