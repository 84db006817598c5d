"""The data sets `jsonl` and `csv`: users' own files, with a mapping from columns to fields."""

from __future__ import annotations

from redheart_core import DatasetSpec, hookimpl
from redheart_tables.settings import CsvSettings, JsonlSettings


@hookimpl
def redheart_provide_datasets() -> list[DatasetSpec]:
    """Offer the data sets."""
    return [
        DatasetSpec(
            name="jsonl",
            meaning="your own records from JSON lines, plain or gzipped, with a mapping from columns to fields",
            settings=JsonlSettings,
            fields="redheart_tables.jsonl:fields",
            records="redheart_tables.jsonl:records",
        ),
        DatasetSpec(
            name="csv",
            meaning="your own records from a CSV file, plain or gzipped, with a mapping from columns to fields",
            settings=CsvSettings,
            fields="redheart_tables.csv:fields",
            records="redheart_tables.csv:records",
        ),
    ]
