"""Offers the data sets `goemotions` and `goemotions_ko`: Reddit comments with the emotions that raters see in them."""

from __future__ import annotations

from redheart_core import DatasetSpec, hookimpl
from redheart_goemotions.settings import GoemotionsSettings, fields


@hookimpl
def redheart_provide_datasets() -> list[DatasetSpec]:
    """Offer the data sets."""
    return [
        DatasetSpec(
            name="goemotions",
            meaning="Reddit comments of GoEmotions (Demszky et al. 2020) in English with 27 emotions and neutral; read "
            "from train.tsv and dev.tsv in a folder",
            settings=GoemotionsSettings,
            fields=fields,
            records="redheart_goemotions.reading:read_english",
            licence="CC-BY-4.0",
            source="Google Research, https://github.com/google-research/google-research/tree/master/goemotions",
        ),
        DatasetSpec(
            name="goemotions_ko",
            meaning="the comments of GoEmotions machine-translated to Korean (GoEmotions-Korean) with 27 emotions and "
            "neutral; read from train.tsv and dev.tsv in a folder",
            settings=GoemotionsSettings,
            fields=fields,
            records="redheart_goemotions.reading:read_korean",
            licence="Apache-2.0",
            source="monologg, https://github.com/monologg/GoEmotions-Korean",
        ),
    ]
