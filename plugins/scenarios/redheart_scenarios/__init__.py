"""Offers the data set `scenarios`: real-life moral scenarios with labelled emotions, regret and choices."""

from __future__ import annotations

from redheart_core import DatasetSpec, hookimpl
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
            records="redheart_scenarios.reading:read_records",
            licence="Apache-2.0 AND MIT",
            source="texts and votes: Allen Institute for AI, https://github.com/allenai/scruples; further labels: "
            "a language model, https://github.com/kkj4534/red_heart_full_backup",
        )
    ]
