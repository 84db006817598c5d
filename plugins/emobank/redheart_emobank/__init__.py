"""Offers the data set `emobank`: English sentences with rated valence, arousal and dominance."""

from __future__ import annotations

from redheart_core import DatasetSpec, hookimpl
from redheart_emobank.settings import FIELDS, EmobankSettings


@hookimpl
def redheart_provide_datasets() -> list[DatasetSpec]:
    """Offer the data set."""
    return [
        DatasetSpec(
            name="emobank",
            meaning="English sentences of EmoBank (Buechel and Hahn 2017) with rated valence, arousal and dominance; "
            "read from emobank.csv in a folder",
            settings=EmobankSettings,
            fields=lambda settings: FIELDS,
            records="redheart_emobank.reading:read_records",
            licence="CC-BY-SA-4.0",
            source="JULIE Lab, https://github.com/JULIELab/EmoBank",
        )
    ]
