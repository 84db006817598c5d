"""Offers the data set `kote`: Korean online comments with the emotions that raters see in them."""

from __future__ import annotations

from redheart_core import DatasetSpec, hookimpl
from redheart_kote.settings import FIELDS, KoteSettings


@hookimpl
def redheart_provide_datasets() -> list[DatasetSpec]:
    """Offer the data set."""
    return [
        DatasetSpec(
            name="kote",
            meaning="Korean online comments of KOTE (Jeon et al. 2024) with 43 emotions and no emotion; read from "
            "train.tsv and val.tsv, or one of them, in a folder",
            settings=KoteSettings,
            fields=lambda settings: FIELDS,
            records="redheart_kote.reading:read_records",
            licence="MIT",
            source="searle-j, https://github.com/searle-j/KOTE",
        )
    ]
