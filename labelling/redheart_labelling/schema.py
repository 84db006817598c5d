"""Fields as a JSON schema, and answers as their numbers, checked."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from redheart_core import CATALOGUE, DataError, Field, SettingsError
from redheart_core.contract.names import composed
from redheart_core.nn.answers import FROM_TEXT, kind_of
from redheart_core.storage.jsonlines import parse_json

LABELLED: tuple[str, ...] = tuple(name for name in FROM_TEXT if not CATALOGUE[name].counts)
"""Fields that a text alone decides and one reader can state; votes are counts of many readers."""
Values = Mapping[str, Mapping[str, float]]
"""Field to element to number; the element of a field without labels has the name of the field."""
KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""Property names that every endpoint takes."""
_FENCE = re.compile(r"```(?:json)?\s*\n(.*)\n\s*```", re.DOTALL)
_LEAST_TOKENS = 256


class WrongAnswerError(Exception):
    """An answer cannot be used; the message says why."""

    def __init__(self, words: str) -> None:
        super().__init__(writable(words))


def writable(text: str) -> str:
    """A text as it can be written: half of a surrogate pair, which UTF-8 does not have, as its escape."""
    return text.encode(errors="backslashreplace").decode()


@attrs.frozen
class AnswerSchema:
    """What an answer has to hold."""

    fields: tuple[Field, ...]

    def keys(self, field: Field) -> dict[str, str]:
        """Key in an answer to label; a label that is no key everywhere stands under its number."""
        return {
            label if KEY.fullmatch(label) else f"label_{number}": label for number, label in enumerate(field.labels, 1)
        }

    @property
    def json_schema(self) -> dict[str, Any]:
        """The schema that endpoints are given: of the parts that all of them know, so that ranges are in the prompt."""
        return _object({field.name: self._property(field) for field in self.fields})

    def _property(self, field: Field) -> dict[str, Any]:
        number: dict[str, Any] = {"type": "integer", "enum": [0, 1]} if field.binary else {"type": "number"}
        return _object(dict.fromkeys(self.keys(field), number)) if field.labels else number

    @property
    def answer_tokens(self) -> int:
        """Room for an answer: twice the bytes of a long one, since a token has at least one byte."""
        longest = {
            field.name: dict.fromkeys(self.keys(field), 0.123456) if field.labels else 0.123456 for field in self.fields
        }
        return max(_LEAST_TOKENS, 2 * len(json.dumps(longest, indent=1)))

    def read(self, answer: str) -> Values:
        """The numbers of an answer.

        Raises:
            WrongAnswerError: It is no JSON object of exactly these keys, a number is out of its range, or a sum is not
                one.
        """
        fenced = _FENCE.fullmatch(answer.strip())
        try:
            table = parse_json(fenced[1] if fenced else answer)
        except (ValueError, RecursionError) as error:
            raise WrongAnswerError(f"the answer is not JSON ({error})") from error
        _check_keys(table, [field.name for field in self.fields], "the answer")
        return {field.name: self._values(field, table[field.name]) for field in self.fields}

    def _values(self, field: Field, given: object) -> dict[str, float]:
        if field.labels:
            keys = self.keys(field)
            _check_keys(given, list(keys), field.name)
            assert isinstance(given, dict)
            given = {label: given[key] for key, label in keys.items()}
            nothing = [label for label, number in given.items() if number is None]
        else:
            nothing = [field.name] if given is None else []
        if nothing:
            raise WrongAnswerError(f"{field.name} expects a number for every label, got null for {', '.join(nothing)}")
        try:
            field.to_numbers(given, "the answer")
        except DataError as error:
            raise WrongAnswerError(str(error)) from error
        numbers: dict[str, Any] = given if isinstance(given, dict) else {field.name: given}
        return {label: float(number) for label, number in numbers.items()}


def catalogue_schema(names: Sequence[str]) -> AnswerSchema:
    """The schema of fields of the catalogue.

    Raises:
        SettingsError: A field is unknown, named twice, or none that a text alone decides.
    """
    given = [composed(name) for name in names]
    known = f"fields that a language model can label: {', '.join(LABELLED)}"
    for name in given:
        if name in CATALOGUE and name not in LABELLED:
            raise SettingsError(
                f"--schema: '{name}' ({CATALOGUE[name].meaning}) cannot be read by one reader "
                f"from a text alone; {known}"
            )
        if name not in CATALOGUE:
            raise SettingsError(
                f"--schema: there is no field '{name}'; {known}; fields of your own stand in a file that ends in .toml"
            )
    twice = sorted({name for name in given if given.count(name) > 1})
    if twice:
        raise SettingsError(f"--schema names {', '.join(twice)} more than once; name each field once")
    return AnswerSchema(tuple(CATALOGUE[name] for name in LABELLED if name in given))


def describe(schema: AnswerSchema) -> str:
    """The fields in words, for the prompt."""
    return "\n".join(_lines(schema, field) for field in schema.fields)


def _lines(schema: AnswerSchema, field: Field) -> str:
    number = "0 or 1" if field.binary else f"a number from {field.low:g} to {field.high:g}"
    if not field.labels:
        unit = "" if field.name in CATALOGUE or field.unit == "1" else f" ({field.unit})"
        return f'- "{field.name}": {field.meaning}. {number[0].upper()}{number[1:]}{unit}.'
    rule = {
        "distribution": "; the numbers sum to 1",
        "labels": "; several may be 1, or none",
    }.get(kind_of(field), "")
    keys = ", ".join(f'"{key}"' + ("" if key == label else f" ({label})") for key, label in schema.keys(field).items())
    return f'- "{field.name}": {field.meaning}. An object with {number} for each of these keys{rule}: {keys}.'


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _check_keys(given: object, keys: Sequence[str], what: str) -> None:
    if not isinstance(given, dict):
        raise WrongAnswerError(f"{what} expects an object with the keys {', '.join(keys)}, got {type(given).__name__}")
    absent = [key for key in keys if key not in given]
    surplus = sorted(given.keys() - set(keys))
    if absent or surplus:
        found = [f"missing: {', '.join(absent)}"] if absent else []
        found += [f"unknown: {', '.join(surplus):.120}"] if surplus else []
        raise WrongAnswerError(f"{what} expects exactly the keys {', '.join(keys)}; {'; '.join(found)}")
