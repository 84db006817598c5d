"""Offers the data set `scruples`: real-life anecdotes with the votes of a crowd on who is in the wrong."""

from __future__ import annotations

from redheart_core import DatasetSpec, hookimpl
from redheart_scruples.settings import FIELDS, ScruplesSettings


@hookimpl
def redheart_provide_datasets() -> list[DatasetSpec]:
    """Offer the data set."""
    return [
        DatasetSpec(
            name="scruples",
            meaning="anecdotes of Scruples (Lourie et al. 2021) in English, with the votes of a crowd on who is in the "
            "wrong; read from train.scruples-anecdotes.jsonl and dev.scruples-anecdotes.jsonl in a folder",
            settings=ScruplesSettings,
            fields=lambda settings: FIELDS,
            records="redheart_scruples.reading:read_records",
            licence="Apache-2.0",
            source="Allen Institute for AI, https://github.com/allenai/scruples",
        )
    ]
