"""Offers the data set `dilemmas`: pairs of acts with the votes of raters on which is the less ethical one."""

from __future__ import annotations

from redheart_core import DatasetSpec, hookimpl
from redheart_dilemmas.settings import FIELDS, DilemmasSettings


@hookimpl
def redheart_provide_datasets() -> list[DatasetSpec]:
    """Offer the data set."""
    return [
        DatasetSpec(
            name="dilemmas",
            meaning="pairs of acts from Scruples (Lourie et al. 2021) in English, with the votes of raters on which of "
            "the two is less ethical; read from dev.scruples-dilemmas.jsonl in a folder",
            settings=DilemmasSettings,
            fields=lambda settings: FIELDS,
            records="redheart_dilemmas.reading:read_records",
            licence="Apache-2.0",
            source="Allen Institute for AI, https://github.com/allenai/scruples",
        )
    ]
