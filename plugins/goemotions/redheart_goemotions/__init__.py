"""Offers the data set `goemotions`: Reddit comments with the emotions that raters see in them."""

from __future__ import annotations

from redheart_core import DatasetSpec, hookimpl
from redheart_goemotions.settings import GoemotionsSettings, fields


@hookimpl
def redheart_provide_datasets() -> list[DatasetSpec]:
    """Offer the data set."""
    return [
        DatasetSpec(
            name="goemotions",
            meaning="Reddit comments of GoEmotions (Demszky et al. 2020) with 27 emotions and neutral, in English or "
            "machine-translated to Korean; read from train.tsv and dev.tsv in a folder",
            settings=GoemotionsSettings,
            fields=fields,
            records="redheart_goemotions.reading:read_records",
        )
    ]
