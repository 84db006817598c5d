"""Offers the data set `everyday_ko`: sentences of Korean everyday life with the emotions that they show."""

from __future__ import annotations

from redheart_core import DatasetSpec, hookimpl
from redheart_everyday.settings import FIELDS, EverydaySettings


@hookimpl
def redheart_provide_datasets() -> list[DatasetSpec]:
    """Offer the data set."""
    return [
        DatasetSpec(
            name="everyday_ko",
            meaning="Korean sentences of everyday life, written for redheart by several authors, with the labels of "
            "GoEmotions, of Ekman and of KOTE that their authors saw in them; those of one author are the test split",
            settings=EverydaySettings,
            fields=lambda settings: FIELDS,
            records="redheart_everyday.reading:read_records",
            licence="MIT",
            source="redheart",
        )
    ]
