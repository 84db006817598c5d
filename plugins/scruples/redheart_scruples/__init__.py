"""Offers the data set `scruples`: real-life anecdotes with the votes of a crowd on who is in the wrong."""

from __future__ import annotations

from collections.abc import Iterator

from redheart_core import DatasetSpec, Record, hookimpl
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
            records=_records,
        )
    ]


def _records(settings: ScruplesSettings) -> Iterator[Record]:
    from redheart_scruples.reading import read_records

    return read_records(settings)
