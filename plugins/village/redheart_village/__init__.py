"""Embedded data set: short scenarios from a small causal world, in English and Korean."""

from __future__ import annotations

from collections.abc import Iterator

from redheart_core import CATALOGUE, DatasetSpec, Field, Record, hookimpl
from redheart_village.settings import VillageSettings

__all__ = ["redheart_provide_datasets"]


@hookimpl
def redheart_provide_datasets() -> list[DatasetSpec]:
    """One data set, named like the plugin."""
    return [
        DatasetSpec(
            name="village",
            meaning="About 4,000 short scenarios in English and Korean, made by a seeded causal world; labels by rule.",
            settings=VillageSettings,
            fields=_fields,
            records=_records,
        )
    ]


def _fields(settings: VillageSettings) -> tuple[Field, ...]:
    return tuple(CATALOGUE[name] for name in ("emotion", "bentham", "utility", "regret", "choice_factors"))


def _records(settings: VillageSettings) -> Iterator[Record]:
    from redheart_village.records import make_records

    return make_records(settings)
