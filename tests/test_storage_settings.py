"""Tables into settings and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import attrs
import pytest
from attrs.validators import ge, le

from redheart_core import SettingsError
from redheart_core.storage.settings import (
    as_table,
    check_table,
    describe_settings,
    parse_override,
    read_table,
    setting_names,
)


@attrs.frozen
class Everything:
    width: int = attrs.field(default=8, validator=[ge(1), le(100)])
    rate: float = attrs.field(default=0.5, validator=ge(0.0))
    on: bool = False
    title: str = "x"
    path: Path | None = None
    mode: Literal["slow", "fast"] = "slow"
    sizes: tuple[int, ...] = (1, 2)
    columns: Mapping[str, str | Mapping[str, str]] = attrs.field(factory=dict)
    either: int | float | str = 1


@attrs.frozen
class Needy:
    path: Path
    width: int = 4


@attrs.frozen
class Divided:
    width: int = 8
    heads: int = attrs.field(default=2)

    @heads.validator
    def _divides(self, attribute: attrs.Attribute[int], value: int) -> None:
        if self.width % value:
            raise ValueError(f"heads ({value}) has to divide width ({self.width})")


def test_a_number_of_thousands_of_digits_is_refused_by_its_setting() -> None:
    assert parse_override(f"lsa.width={'9' * 6000}") == ("lsa", "width", "9" * 6000)
    with pytest.raises(SettingsError, match=r"--set a\.b: .*a number has more than 4,300 digits"):
        parse_override(f"a.b=[{'9' * 6000}]")
    with pytest.raises(SettingsError, match=r"--set a\.b: .*it is nested too deeply"):
        parse_override(f"a.b={'[' * 100_000}")


def test_an_empty_table_gives_the_defaults() -> None:
    assert read_table(Everything, {}, "[t]") == Everything()


def test_every_supported_type_is_read() -> None:
    table = {
        "width": 3,
        "rate": 2,
        "on": True,
        "title": "y",
        "path": "a/b.txt",
        "mode": "fast",
        "sizes": [4, 5, 6],
        "columns": {"regret": "r", "emotion": {"joy": "j"}},
        "either": 0.25,
    }
    read = read_table(Everything, table, "[t]")
    assert read == Everything(
        3, 2.0, True, "y", Path("a/b.txt"), "fast", (4, 5, 6), {"regret": "r", "emotion": {"joy": "j"}}, 0.25
    )
    assert type(read.rate) is float


def test_an_integer_stays_one_where_both_fit() -> None:
    assert type(read_table(Everything, {"either": 3}, "[t]").either) is int


def test_all_complaints_come_at_once_and_unknown_keys_list_the_known_ones() -> None:
    table: dict[str, object] = {
        "widht": 1,
        "width": "12",
        "rate": -1.0,
        "on": 1,
        "mode": "faster",
        "sizes": [1, "2"],
        "columns": {"a": 3},
    }
    with pytest.raises(SettingsError) as caught:
        read_table(Everything, table, "[plugins.p]")
    assert str(caught.value).splitlines()[1:] == [
        "  - [plugins.p] has no key 'widht' (known: columns, either, mode, on, path, rate, sizes, title, width)",
        "  - [plugins.p] 'width' expects an integer, got text '12'",
        "  - [plugins.p] 'on' expects true or false, got the integer 1",
        "  - [plugins.p] 'mode' expects one of 'slow', 'fast', got text 'faster'",
        "  - [plugins.p] 'sizes'[1] expects an integer, got text '2'",
        "  - [plugins.p] 'columns'.a expects text or a table (text each), got the integer 3",
        "  - [plugins.p] 'rate' must be >= 0.0: -1.0",
    ]


@pytest.mark.parametrize("value", ["1", True, None, float("nan"), float("inf"), 10**400, [1.0], {"a": 1.0}])
def test_a_float_takes_finite_numbers_only(value: object) -> None:
    with pytest.raises(SettingsError, match="'rate' expects a finite number, got "):
        read_table(Everything, {"rate": value}, "[t]")


@pytest.mark.parametrize("value", ["1", True, 1.0, None, [1]])
def test_an_integer_takes_integers_only(value: object) -> None:
    with pytest.raises(SettingsError, match="'width' expects an integer, got "):
        read_table(Everything, {"width": value}, "[t]")


def test_both_ends_of_a_validated_range_are_allowed_and_nothing_beyond() -> None:
    assert [read_table(Everything, {"width": width}, "[t]").width for width in (1, 100)] == [1, 100]
    for width in (0, 101):
        with pytest.raises(SettingsError, match=f"'width' must be .*{width}"):
            read_table(Everything, {"width": width}, "[t]")


def test_a_missing_key_is_a_complaint_for_reading_but_not_for_checking() -> None:
    with pytest.raises(SettingsError, match=r"\[t\] lacks 'path' \(a path as text\)"):
        read_table(Needy, {}, "[t]")
    assert check_table(Needy, {}, "[t]") == []
    assert check_table(Needy, {"width": "4"}, "[t]") == ["[t] 'width' expects an integer, got text '4'"]


def test_a_validator_that_compares_settings_is_heard() -> None:
    with pytest.raises(SettingsError, match=r"heads \(3\) has to divide width \(8\)"):
        read_table(Divided, {"heads": 3}, "[t]")


def test_a_comparing_validator_waits_for_the_setting_that_is_wrong_itself() -> None:
    with pytest.raises(SettingsError) as caught:
        read_table(Divided, {"heads": 3, "width": "8"}, "[t]")
    assert str(caught.value).splitlines()[1:] == ["  - [t] 'width' expects an integer, got text '8'"]


def test_checking_a_part_compares_with_no_default_since_a_scale_may_bring_another_value() -> None:
    assert check_table(Divided, {"heads": 3}, "[t]") == []
    assert check_table(Divided, {"heads": 3, "width": 8}, "[t]") == ["[t] heads (3) has to divide width (8)"]


def test_settings_survive_json_and_toml_form() -> None:
    cases = [
        Everything(),
        Everything(3, 2.0, True, "y", Path("a/b"), "fast", (), {"a": {"b": "c"}}, "text"),
        Needy(Path("p")),
        Divided(9, 3),
    ]
    for settings in cases:
        assert read_table(type(settings), json.loads(json.dumps(as_table(settings))), "[t]") == settings


def test_none_is_left_out_only_where_it_is_the_default() -> None:
    @attrs.frozen
    class Optional:
        first: int | None = None
        second: int | None = 3

    assert as_table(Optional(None, None)) == {"second": None}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("backbone.width=256", ("backbone", "width", 256)),
        ("a.b = 0.5", ("a", "b", 0.5)),
        ("a.b=true", ("a", "b", True)),
        ("a.b=True", ("a", "b", "True")),
        ("a.b=fast", ("a", "b", "fast")),
        ("a.b=data/train-1.jsonl", ("a", "b", "data/train-1.jsonl")),
        ('a.b="two words"', ("a", "b", "two words")),
        ("a.b=[1, 2]", ("a", "b", [1, 2])),
        ('a.b={x = "y"}', ("a", "b", {"x": "y"})),
        ("a.b=''", ("a", "b", "")),
    ],
)
def test_overrides_are_toml_or_a_single_word(text: str, expected: tuple[str, str, Any]) -> None:
    parsed = parse_override(text)
    assert parsed == expected
    assert type(parsed[2]) is type(expected[2])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.b", "expects plugin.key=value"),
        ("a=1", "expects plugin.key=value"),
        ("a.b.c=1", "expects plugin.key=value"),
        (".b=1", "expects plugin.key=value"),
        ("a.b=", "neither TOML nor a single word: nothing"),
        ("a.b=two words", "neither TOML nor a single word"),
        ("a.b=[1, 2", "neither TOML nor a single word"),
        ("a.b=1\nc = 2", "expects one value"),
    ],
)
def test_malformed_overrides_are_refused(text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        parse_override(text)


def test_a_class_with_another_type_of_setting_is_refused() -> None:
    @attrs.frozen
    class Odd:
        things: set[int] = attrs.field(factory=set)

    with pytest.raises(TypeError, match="setting 'things' of Odd has the type"):
        setting_names(Odd)
    with pytest.raises(TypeError, match="int has to be an attrs class"):
        setting_names(int)


def test_settings_are_described_with_type_and_default() -> None:
    assert describe_settings(Needy) == [
        {"key": "path", "type": "a path as text", "required": True},
        {"key": "width", "type": "an integer", "required": False, "default": 4},
    ]
