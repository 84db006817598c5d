"""Typed values to plain JSON values and back; what does not fit is named with its place and what was expected.

cattrs does the walking. Its own hooks convert ("3" becomes 3, a text becomes a tuple of letters); the ones here refuse.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, get_args, get_origin

import attrs
import cattrs
from cattrs import cols
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from redheart_core.contract.errors import CheckpointError, RedheartError
from redheart_core.contract.fields import Field

T = TypeVar("T")
NOT_STORED = {"stored": False}
"""Metadata of an attribute that stays out of files; it needs a default."""
STORED_IF_SET = {"stored": "if set"}
"""Likewise of one that is left out of files while it has its default, so that those without it stay as they were."""
_SHOWN = 3
"""Faults that a message names; the rest are counted."""


def structure(value: object, cls: type[T], where: str, error: type[RedheartError] = CheckpointError) -> T:
    """A plain JSON value as a value of an attrs class; no key too many, none too few, no conversion.

    Args:
        value: Parsed JSON.
        cls: The class.
        where: Names the file in the message.
        error: What to raise.

    Raises:
        RedheartError: Of the class error: it does not fit.
    """
    try:
        return _CONVERTER.structure(value, cls)
    except (cattrs.BaseValidationError, ValueError, TypeError) as reason:
        faults = [_at_its_place(fault) for fault in cattrs.transform_error(reason, format_exception=_in_words)]
        more = f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        raise error(f"{where} does not hold what it has to: {'; '.join(faults[:_SHOWN])}{more}") from reason


def unstructure(value: object) -> Any:
    """A typed value as plain JSON values: tables, lists, text, numbers, truth values and None."""
    return _CONVERTER.unstructure(value)


def describe_value(value: object) -> str:
    """A JSON value for a message: "text 'ab'", "the number 3", "a list"."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value!r:.40}"
        case str():
            return f"text {value!r:.60}"
        case list():
            return "a list"
        case dict():
            return "a table"
    return f"{type(value).__name__} {value!r:.60}"


def _in_words(error: BaseException, _type: Any) -> str:
    if isinstance(error, cattrs.ForbiddenExtraKeysError):
        known = ", ".join(one.name for one in attrs.fields(error.cl) if one.metadata.get("stored", True))
        return f"unknown keys {', '.join(sorted(error.extra_fields))} (known: {known})"
    if isinstance(error, KeyError):
        return "missing"
    return str(error.args[0]) if error.args else type(error).__name__


def _at_its_place(fault: str) -> str:
    """The fault, with the place that cattrs puts behind " @ $" in front of it."""
    words, _, place = fault.rpartition(" @ ")
    place = place.removeprefix("$").removeprefix(".")
    return f"{place}: {words}" if place else words


def _refuse(expected: str, value: object) -> ValueError:
    return ValueError(f"expects {expected}, got {describe_value(value)}")


def _text(value: object, _: type[str]) -> str:
    if type(value) is not str:
        raise _refuse("text", value)
    return value


def _flag(value: object, _: type[bool]) -> bool:
    if type(value) is not bool:
        raise _refuse("true or false", value)
    return value


def _integer(value: object, _: type[int]) -> int:
    if type(value) is not int:
        raise _refuse("an integer", value)
    return value


def _number(value: object, _: type[float]) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):  # type: ignore[arg-type] # a number by now
        raise _refuse("a finite number", value)
    return float(value)  # type: ignore[arg-type] # as above


def _of_type(wanted: type, words: str, inner: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """A hook that refuses any other JSON type before it goes into the value."""

    def hook(value: object, target: Any) -> Any:
        if type(value) is not wanted:
            raise _refuse(words, value)
        return inner(value, target)

    return hook


def _has_number_keys(target: Any) -> bool:
    """JSON has text keys alone."""
    return cols.is_mapping(target) and get_args(target)[:1] in ((int,), (float,))


def _number_keys_hook(target: Any, converter: cattrs.Converter) -> Callable[[Any, Any], Any]:
    key, item = get_args(target)

    def hook(value: object, _: Any) -> Any:
        if type(value) is not dict:
            raise _refuse("a table", value)
        return {key(name): converter.structure(one, item) for name, one in value.items()}

    return hook


def _names_of_numbers(target: Any, converter: cattrs.Converter) -> Callable[[Any], Any]:
    def hook(value: Mapping[float, Any]) -> dict[str, Any]:
        return {repr(name): converter.unstructure(one) for name, one in value.items()}

    return hook


def _is_tuple(target: Any) -> bool:
    return get_origin(target) is tuple


def _is_pair(target: Any) -> bool:
    """A tuple of a fixed number of members."""
    arguments = get_args(target)
    return get_origin(target) is tuple and bool(arguments) and arguments[-1] is not Ellipsis


def _pair_hook(target: Any, converter: cattrs.Converter) -> Callable[[Any, Any], Any]:
    members = get_args(target)

    def hook(value: object, _: Any) -> Any:
        if type(value) is not list or len(value) != len(members):
            raise _refuse(f"a list of {len(members)}", value)
        return tuple(converter.structure(one, member) for one, member in zip(value, members, strict=True))

    return hook


def _is_attrs(target: Any) -> bool:
    return isinstance(target, type) and attrs.has(target)


def _stored(target: Any) -> dict[str, Any]:
    """What cattrs has to know of attributes that stay out of files, always or while they have their defaults."""
    kept = {one.name: one.metadata.get("stored", True) for one in attrs.fields(target)}
    found = {name: override(omit=True) for name, stored in kept.items() if not stored}
    return found | {name: override(omit_if_default=True) for name, stored in kept.items() if stored == "if set"}


def _class_hook(target: Any, converter: cattrs.Converter) -> Callable[[Any, Any], Any]:
    inner = make_dict_structure_fn(target, converter, _cattrs_forbid_extra_keys=True, **_stored(target))
    return _of_type(dict, "a table", inner)


def _class_out(target: Any, converter: cattrs.Converter) -> Callable[[Any], Any]:
    return make_dict_unstructure_fn(target, converter, **_stored(target))


def _field_hook(converter: cattrs.Converter) -> tuple[Callable[[Any, Any], Field], Callable[[Field], dict[str, Any]]]:
    """A field whose bound is infinite has null there, as JSON has no infinity."""
    inner, outer = _class_hook(Field, converter), _class_out(Field, converter)

    def read(value: object, target: Any) -> Field:
        if type(value) is dict:
            low, high = value.get("low"), value.get("high")
            value = {**value, "low": -1.0 if low is None else low, "high": 1.0 if high is None else high}
            field: Field = inner(value, target)
            return _open(field, low is None, high is None)
        raise _refuse("a table", value)

    def write(field: Field) -> dict[str, Any]:
        table: dict[str, Any] = outer(field)
        return {**table, **{key: None for key in ("low", "high") if math.isinf(table[key])}}

    return read, write


def _open(field: Field, low: bool, high: bool) -> Field:
    return attrs.evolve(field, low=-math.inf if low else field.low, high=math.inf if high else field.high)


def _make_converter() -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True, unstruct_collection_overrides={tuple: list})
    for cls, hook in ((str, _text), (bool, _flag), (int, _integer), (float, _number)):
        converter.register_structure_hook(cls, hook)
    converter.register_structure_hook_func(lambda target: target is object, lambda value, _: value)
    converter.register_structure_hook_factory(_is_attrs)(_class_hook)
    converter.register_unstructure_hook_factory(_is_attrs)(_class_out)
    converter.register_structure_hook_factory(cols.is_mapping)(
        lambda target, own: _of_type(dict, "a table", cols.mapping_structure_factory(target, own, structure_to=dict))
    )
    converter.register_structure_hook_factory(_has_number_keys)(_number_keys_hook)
    converter.register_unstructure_hook_factory(_has_number_keys)(_names_of_numbers)
    converter.register_structure_hook_factory(_is_tuple)(
        lambda target, own: _of_type(list, "a list", cols.homogenous_tuple_structure_factory(target, own))
    )
    converter.register_structure_hook_factory(_is_pair)(_pair_hook)
    read, write = _field_hook(converter)
    converter.register_structure_hook(Field, read)
    converter.register_unstructure_hook(Field, write)
    return converter


_CONVERTER = _make_converter()
