"""What --schema says: fields of the catalogue, and files with fields of one's own."""

from __future__ import annotations

from pathlib import Path

from redheart_core import SettingsError
from redheart_labelling.own_fields import read_own_fields
from redheart_labelling.schema import AnswerSchema, catalogue_schema


def read_schema(given: str) -> AnswerSchema:
    """The schema of fields and .toml files that are named with commas between them.

    Fields of the catalogue stand first, in one order however they are named; then the user's own by name.

    Raises:
        SettingsError: A field is unknown, wrongly declared, named twice, or none that a text alone decides.
    """
    parts = [part.strip() for part in given.split(",")]
    own = [field for part in parts if part.endswith(".toml") for field in read_own_fields(Path(part))]
    names = [field.name for field in own]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SettingsError(f"--schema: {', '.join(twice)} is declared in two files; declare each field once")
    shipped = catalogue_schema([part for part in parts if not part.endswith(".toml")])
    return AnswerSchema((*shipped.fields, *sorted(own, key=lambda field: field.name)))
