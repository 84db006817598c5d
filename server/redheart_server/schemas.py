"""JSON Schemas (draft 2020-12) of the attrs classes whose JSON is answered, with the docstrings of their attributes."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import attrs

Schema = dict[str, Any]
_PLAIN: Mapping[object, Schema] = {
    str: {"type": "string"},
    Path: {"type": "string"},
    datetime: {"type": "string", "format": "date-time"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    NoneType: {"type": "null"},
}


@attrs.frozen
class Form:
    """What the JSON of a class has, where that is not its attributes."""

    without: tuple[str, ...] = ()
    """Attributes that it lacks."""
    derived: tuple[str, ...] = ()
    """Properties that it has too."""


Forms = Mapping[type, Form]


def schema_of(kind: Any, forms: Forms | None = None) -> Schema:
    """The schema of a type: an attrs class, or a list, table, choice or union of such and of plain values.

    Args:
        kind: As an annotation names it.
        forms: Of classes whose JSON has other keys than they have attributes.

    Raises:
        TypeError: It is a type that has no form here.
    """
    if kind in _PLAIN:
        return dict(_PLAIN[kind])
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return {"enum": list(inner)}
    if origin in (Union, UnionType):
        return _any_of([schema_of(one, forms) for one in inner])
    if isinstance(origin, type) and issubclass(origin, Mapping) and inner[0] is str:
        return {"type": "object", "additionalProperties": schema_of(inner[1], forms)}
    if isinstance(origin, type) and issubclass(origin, tuple) and inner[1:] == (...,):
        return {"type": "array", "items": schema_of(inner[0], forms)}
    if isinstance(kind, type) and attrs.has(kind):
        return _of_class(kind, forms or {})
    raise TypeError(
        f"a JSON Schema is made of attrs classes, tables by text, tuples of one kind and plain values; not {kind}"
    )


def _any_of(schemas: list[Schema]) -> Schema:
    if all(schema.keys() == {"type"} for schema in schemas):
        return {"type": [schema["type"] for schema in schemas]}
    if all(schema.keys() == {"enum"} for schema in schemas):
        return {"enum": [value for schema in schemas for value in schema["enum"]]}
    return {"anyOf": schemas}


def _of_class(kind: type, forms: Forms) -> Schema:
    form, meanings = forms.get(kind, Form()), dict(_docstrings(kind))
    hints = {name: hint for name, hint in get_type_hints(kind).items() if name not in form.without}
    types = {one.name: hints[one.name] for one in attrs.fields(kind) if one.name in hints}
    for name in form.derived:
        getter = getattr(kind, name).fget
        types[name] = get_type_hints(getter)["return"]
        if getter.__doc__:
            meanings[name] = inspect.cleandoc(getter.__doc__)
    properties = {name: schema_of(one, forms) for name, one in types.items()}
    for name in properties.keys() & meanings.keys():
        properties[name] = {**properties[name], "description": meanings[name]}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
        "description": inspect.cleandoc(kind.__doc__ or ""),
    }


def _docstrings(kind: type) -> Iterator[tuple[str, str]]:
    """Attributes with the docstring below each, of a class and those that it extends."""
    for one in reversed(kind.__mro__):
        if not attrs.has(one):
            continue
        (parsed,) = ast.parse(textwrap.dedent(inspect.getsource(one))).body
        assert isinstance(parsed, ast.ClassDef)
        for first, second in zip(parsed.body, parsed.body[1:], strict=False):
            match first, second:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(said))):
                    yield name, " ".join(said.split())
