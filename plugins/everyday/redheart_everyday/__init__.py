"""Offers the data sets `everyday_en` and `everyday_ko`: sentences of everyday life with the emotions that they show."""

from __future__ import annotations

from redheart_core import DatasetSpec, hookimpl
from redheart_everyday.settings import ENGLISH, KOREAN, EverydaySettings


@hookimpl
def redheart_provide_datasets() -> list[DatasetSpec]:
    """Offer the data sets."""
    return [
        DatasetSpec(
            name="everyday_en",
            meaning="English sentences of everyday life, written for redheart by a language model in the parts of "
            "several authors, with the labels of GoEmotions and Ekman that it meant; one author's are the test part",
            settings=EverydaySettings,
            fields=lambda settings: ENGLISH,
            records="redheart_everyday.reading:read_english",
            licence="MIT",
            source="redheart, by a language model",
        ),
        DatasetSpec(
            name="everyday_ko",
            meaning="Korean sentences of everyday life, written for redheart by a language model in the parts of "
            "several authors, with the labels of GoEmotions, Ekman and KOTE that it meant; one's are the test part",
            settings=EverydaySettings,
            fields=lambda settings: KOREAN,
            records="redheart_everyday.reading:read_korean",
            licence="MIT",
            source="redheart, by a language model",
        ),
    ]
