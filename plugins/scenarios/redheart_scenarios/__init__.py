"""Offers the data set `scenarios`: real-life moral scenarios with labelled emotions, regret and choices."""

from __future__ import annotations

from collections.abc import Iterator

from redheart_core import DatasetSpec, Record, hookimpl
from redheart_scenarios.settings import FIELDS, ScenariosSettings


@hookimpl
def redheart_provide_datasets() -> list[DatasetSpec]:
    """Offer the data set."""
    return [
        DatasetSpec(
            name="scenarios",
            meaning="8,856 real-life moral scenarios in English, with votes by people and further labels by a "
            "language model; read from train.jsonl.gz and dev.jsonl.gz in a folder",
            settings=ScenariosSettings,
            fields=lambda settings: FIELDS,
            records=_records,
        )
    ]


def _records(settings: ScenariosSettings) -> Iterator[Record]:
    from redheart_scenarios.reading import read_records

    return read_records(settings)
