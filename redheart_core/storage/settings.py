"""TOML tables into attrs classes and back, with all complaints at once."""

from __future__ import annotations

import math
import re
import types
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import attrs

from redheart_core.contract.errors import SettingsError, join_complaints
from redheart_core.storage.toml_text import parse_toml

Settings = TypeVar("Settings")

_WORDS = {str: "text", bool: "true or false", int: "an integer", float: "a finite number", Path: "a path as text"}
_HINTS: dict[type[Any], dict[str, Any]] = {}
"""Of settings classes: evaluating annotations takes most of the time of reading a table."""
_BARE_WORD = re.compile(r"""[^\s"'\[\]{},=#]+""")


def read_table(cls: type[Settings], table: Mapping[str, object], where: str) -> Settings:
    """Make settings out of a table.

    Nothing is coerced, except an integer where any number fits and text into a path.

    Args:
        cls: An attrs class whose fields are str, bool, int, float, Path, Literal, X | None,
            tuple[X, ...] or Mapping[str, X].
        table: Parsed TOML or JSON; python values of the field's own type do as well.
        where: Names the table in complaints, such as "[plugins.my_plugin]".

    Raises:
        SettingsError: Unknown or missing keys, wrong types, values that validators refuse; all of them.
    """
    complaints: list[str] = []
    settings = read_or_complain(cls, table, where, complaints)
    if settings is None:
        raise SettingsError(join_complaints("the settings cannot be used:", complaints))
    return settings


def read_or_complain(
    cls: type[Settings], table: Mapping[str, object], where: str, complaints: list[str]
) -> Settings | None:
    """The same for one of several tables: adds to complaints and returns None instead of raising."""
    keys = _keys(cls)
    found = _check(cls, table, where, (), whole=True)
    required = [key for key, attribute in keys.items() if attribute.default is attrs.NOTHING and key not in table]
    found += [f"{where} lacks '{key}' ({_describe(cls, keys[key])})" for key in required]
    if not found:
        values = {key: _convert(_type(cls, keys[key]), value, key, []) for key, value in table.items()}
        try:
            return cls(**values)
        except (ValueError, TypeError) as error:
            found = [f"{where} {_first_argument(error)}"]
    complaints += found
    return None


def check_table(cls: type[Any], table: Mapping[str, object], where: str, also: Collection[str] = ()) -> list[str]:
    """All complaints about the keys that a table has; those it lacks may come later.

    Args:
        cls: As for read_table.
        table: As for read_table.
        where: As for read_table.
        also: Keys that the table may have too and that are read elsewhere, named in complaints.
    """
    return _check(cls, table, where, also, whole=False)


def _check(cls: type[Any], table: Mapping[str, object], where: str, also: Collection[str], *, whole: bool) -> list[str]:
    keys = _keys(cls)
    unknown = sorted(table.keys() - keys.keys())
    known = ", ".join(sorted([*keys, *also])) or "none"
    complaints = [f"{where} has no key '{key}' (known: {known})" for key in unknown]
    values = {}
    for key, attribute in keys.items():
        _describe(cls, attribute)
        if key in table:
            found: list[str] = []
            values[key] = _convert(_type(cls, attribute), table[key], f"{where} '{key}'", found)
            complaints += found
            if found:
                del values[key]
    absent = {key: _default(attribute) for key, attribute in keys.items() if whole and key not in table}
    return complaints + _refused(cls, values, absent, where)


def parse_override(text: str) -> tuple[str, str, object]:
    """Split "plugin.key=value" into its three parts.

    The value is TOML; a single word that is not is taken as text, as in "my_plugin.path=data/train".

    Raises:
        SettingsError: It has another form.
    """
    name, equals, value = text.partition("=")
    plugin, _, key = name.strip().partition(".")
    if not equals or not re.fullmatch(r"\w+", plugin) or not re.fullmatch(r"\w+", key):
        raise SettingsError(f"--set expects plugin.key=value, such as my_plugin.width=256; got '{text}'")
    value = value.strip()
    try:
        parsed = parse_toml(f"value = {value}")
    except ValueError as error:
        if _BARE_WORD.fullmatch(value):
            return plugin, key, value
        raise SettingsError(
            f"--set {name.strip()}: the value is neither TOML nor a single word: {value or 'nothing'} ({error}); "
            f"write text as '{name.strip()}=\"...\"'"
        ) from error
    if len(parsed) != 1:
        raise SettingsError(f"--set {name.strip()} expects one value, got several lines")
    return plugin, key, parsed["value"]


def as_table(instance: Any) -> dict[str, Any]:
    """Settings as plain values that TOML and JSON can hold and read_table reads back as equal.

    A None that is the default is left out, since TOML has no word for it.
    """
    table = {}
    for key, attribute in _keys(type(instance)).items():
        value = getattr(instance, attribute.name)
        if value is not None or attribute.default is not None:
            table[key] = _plain(value)
    return table


def default_table(cls: type[Any]) -> dict[str, Any]:
    """Settings that nobody sets, as as_table has them; those without a default are left out."""
    defaults = {key: _default(attribute) for key, attribute in _keys(cls).items()}
    return {key: _plain(one) for key, one in defaults.items() if one is not None and one is not attrs.NOTHING}


def setting_differences(
    stored: Mapping[str, object], now: Mapping[str, object], defaults: Mapping[str, object]
) -> list[str]:
    """What settings say otherwise than stored ones, for messages.

    A setting that came into being after these, and has its default, counts as the same: it is to change nothing as long
    as nobody sets it.
    """
    later = {key: value for key, value in defaults.items() if key in now and key not in stored}
    before = {**later, **stored}
    return [
        f"setting {key} was {_shown(before, key)}, is {_shown(now, key)}"
        for key in sorted({*before, *now})
        if key not in before or key not in now or before[key] != now[key]
    ]


def _shown(table: Mapping[str, object], key: str) -> str:
    return f"{table[key]!r}" if key in table else "not set"


def setting_names(cls: type[Any]) -> tuple[str, ...]:
    """The keys of a settings class.

    Raises:
        TypeError: The class is no attrs class, or a field has a type that settings cannot have.
    """
    for attribute in _keys(cls).values():
        _describe(cls, attribute)
    return tuple(_keys(cls))


def describe_settings(cls: type[Any]) -> list[dict[str, Any]]:
    """Key, expected type in words, whether it is required, and the default of every setting."""
    rows = []
    for key, attribute in _keys(cls).items():
        required = attribute.default is attrs.NOTHING
        default = _default(attribute)
        row = {"key": key, "type": _describe(cls, attribute), "required": required}
        rows.append(row if default is attrs.NOTHING else {**row, "default": _plain(default)})
    return rows


def _keys(cls: type[Any]) -> dict[str, attrs.Attribute[Any]]:
    if not attrs.has(cls):
        raise TypeError(f"{cls.__name__} has to be an attrs class")
    return {attribute.alias or attribute.name: attribute for attribute in attrs.fields(cls) if attribute.init}


def _type(cls: type[Any], attribute: attrs.Attribute[Any]) -> Any:
    return _hints(cls)[attribute.name]


def _hints(cls: type[Any]) -> dict[str, Any]:
    if cls not in _HINTS:
        _HINTS[cls] = get_type_hints(cls)
    return _HINTS[cls]


def _describe(cls: type[Any], attribute: attrs.Attribute[Any]) -> str:
    expected = _type(cls, attribute)
    try:
        return _in_words(expected)
    except TypeError as error:
        raise TypeError(
            f"setting '{attribute.name}' of {cls.__name__} has the type {expected}; "
            "settings may be str, bool, int, float, Path, Literal, X | None, tuple[X, ...] and Mapping[str, X]"
        ) from error


def _in_words(expected: Any) -> str:
    """The type for people. Raises TypeError for one that settings cannot have."""
    origin, arguments = get_origin(expected), get_args(expected)
    if expected in _WORDS:
        return _WORDS[expected]
    if expected is type(None):
        return "nothing"
    if origin is Literal:
        return "one of " + ", ".join(repr(choice) for choice in arguments)
    if origin in (Union, types.UnionType):
        return " or ".join(_in_words(member) for member in arguments)
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return f"a list ({_in_words(arguments[0])} each)"
    if _is_mapping(expected):
        return f"a table ({_in_words(arguments[1])} each)"
    raise TypeError(expected)


def _is_mapping(expected: Any) -> bool:
    return get_origin(expected) in (Mapping, dict) and get_args(expected)[0] is str


def _convert(expected: Any, value: Any, name: str, complaints: list[str]) -> Any:
    """The value in its field's type; what does not fit is added to complaints."""
    origin, arguments = get_origin(expected), get_args(expected)
    if origin is tuple and isinstance(value, list | tuple):
        return tuple(_convert(arguments[0], item, f"{name}[{i}]", complaints) for i, item in enumerate(value))
    if _is_mapping(expected) and isinstance(value, Mapping):
        return {key: _convert(arguments[1], item, f"{name}.{key}", complaints) for key, item in value.items()}
    if origin in (Union, types.UnionType):
        for member in sorted(arguments, key=lambda member: member is float):  # 3 stays an integer in int | float
            found: list[str] = []
            converted = _convert(member, value, name, found)
            if not found:
                return converted
    elif origin is Literal:
        for choice in arguments:
            if type(choice) is type(value) and choice == value:
                return value
    elif expected is float and type(value) in (int, float) and _is_finite(value):
        return float(value)
    elif expected is Path and isinstance(value, str | Path):
        return Path(value)
    elif expected in (str, bool, int, type(None)) and type(value) is expected:
        return value
    complaints.append(f"{name} expects {_in_words(expected)}, got {_value_in_words(value)}")
    return value


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer too large for a float
        return False


def _value_in_words(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return f"text {value!r:.60}"
        case int():
            return f"the integer {value}" if abs(value) < 10**30 else "a huge integer"
        case float():
            return f"the number {value}"
        case list() | tuple():
            return "a list"
        case Mapping():
            return "a table"
        case None:
            return "nothing"
    return f"{type(value).__name__} {value}"


def _refused(cls: type[Any], values: Mapping[str, object], absent: Mapping[str, object], where: str) -> list[str]:
    """What validators say to the values; they are asked one by one, since attrs stops at the first.

    Args:
        cls: The settings class.
        values: What the table gives, of the right types.
        absent: Defaults of the keys that the table leaves out, for validators that compare settings.
        where: As for read_table.
    """
    keys = _keys(cls)
    partial = object.__new__(cls)
    for key, value in {**absent, **values}.items():
        if value is not attrs.NOTHING:
            object.__setattr__(partial, keys[key].name, value)
    complaints = []
    for key, value in values.items():
        attribute = keys[key]
        if attribute.validator is None or attribute.converter is not None:
            continue
        try:
            attribute.validator(partial, attribute, value)
        except (ValueError, TypeError) as error:
            complaints.append(f"{where} {_first_argument(error)}")
        except AttributeError:
            # It compares with a setting that is wrong itself or comes later; making the settings asks again.
            continue
    return complaints


def _first_argument(error: Exception) -> str:
    """The message alone; attrs puts the attribute and the value behind it."""
    return str(error.args[0]) if error.args else type(error).__name__


def _default(attribute: attrs.Attribute[Any]) -> Any:
    """NOTHING if there is none, or one that is computed from other settings."""
    default: Any = attribute.default
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]  # a class at run time, a function in the stubs
        return attrs.NOTHING if default.takes_self else default.factory()
    return default


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value
