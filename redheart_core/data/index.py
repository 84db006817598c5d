"""index.json of a store: what it holds and what it was made from."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from redheart_core.contract.errors import StoreError
from redheart_core.contract.fields import Field
from redheart_core.data.division import ClusterReport, SplitReport
from redheart_core.data.identity import EncoderIdentity
from redheart_core.storage.files import read_json, to_json

FORMAT = 4
RECORDS_FILE, ROWS_FILE = "records.jsonl", "rows.safetensors"
FIELDS_FILE, TERMS_FILE = "fields.safetensors", "terms.safetensors"


@attrs.frozen
class FileEntry:
    """A file of the store."""

    bytes: int
    sha256: str


@attrs.frozen
class Shard:
    """A file with the vectors of some consecutive records."""

    file: str
    records: int
    chunks: int
    unknown_records: int
    """Records of which the encoder knows no part, all vectors zero."""


@attrs.frozen
class StoreIndex:
    """index.json: what the store holds and what it was made from."""

    dataset: str
    dataset_settings: Mapping[str, Any]
    """For people; paths are reduced to their last part, as the fingerprint tells data apart."""
    content: str
    """SHA-256 over fields, ids, the publisher's splits, languages, texts and labels."""
    fingerprint: str
    """SHA-256 over the content and the split of every record."""
    encoder: EncoderIdentity
    encoder_settings: Mapping[str, Any]
    chunk_chars: int
    terms: int
    """The most terms that were asked for."""
    near_duplicates: float
    """Jaccard index from which on texts were kept in one split."""
    seed: int
    shard_records: int
    fields: Mapping[str, Field]
    coverage: Mapping[str, int]
    """Per field, the records that have at least one of its numbers."""
    counts: Mapping[str, int]
    """Records per split, and how many were excluded."""
    languages: tuple[str | None, ...]
    """The languages of the records; rows.safetensors holds places in them."""
    sources: tuple[str, ...]
    """The data sets that the records come from, likewise."""
    split_report: SplitReport
    shards: tuple[Shard, ...]
    files: Mapping[str, FileEntry]
    """Every other file of the store by its path in the folder."""

    def to_json(self) -> dict[str, Any]:
        """Plain values, with a SHA-256 over themselves."""
        table: dict[str, Any] = json.loads(to_json(attrs.asdict(self, value_serializer=_plain) | {"format": FORMAT}))
        return table | {"sha256": _own_sha256(table)}

    @classmethod
    def read(cls, path: Path) -> StoreIndex:
        """What to_json gave.

        Raises:
            StoreError: Missing, damaged or of another format.
        """
        table = read_json(path, StoreError)
        if not isinstance(table, dict) or table.pop("sha256", None) != _own_sha256(table):
            raise StoreError(
                f"{path} is damaged, or belongs to something else; prepare the data again in another folder"
            )
        if table.pop("format") != FORMAT:
            raise StoreError(f"{path} has another format than {FORMAT}; prepare the data again in another folder")
        return cls(
            encoder=EncoderIdentity(**table.pop("encoder")),
            fields={name: parse_field(field) for name, field in table.pop("fields").items()},
            split_report=_parse_report(table.pop("split_report")),
            shards=tuple(Shard(**shard) for shard in table.pop("shards")),
            files={name: FileEntry(**entry) for name, entry in table.pop("files").items()},
            languages=tuple(table.pop("languages")),
            sources=tuple(table.pop("sources")),
            **table,
        )


def _parse_report(table: Mapping[str, Any]) -> SplitReport:
    clusters = tuple(ClusterReport(**one | {"ids": tuple(one["ids"])}) for one in table["clusters"])
    return SplitReport(**{**table, "examples": tuple((a, b) for a, b in table["examples"]), "clusters": clusters})


def _plain(_instance: object, _attribute: object, value: Any) -> Any:
    """JSON has no infinity; a field without a bound has null there."""
    return None if isinstance(value, float) and math.isinf(value) else value


def _own_sha256(table: Mapping[str, Any]) -> str:
    return hashlib.sha256(to_json(table)).hexdigest()


def plain_fields(fields: Mapping[str, Field]) -> dict[str, Any]:
    """Fields as JSON values."""
    table: dict[str, Any] = json.loads(
        to_json({name: attrs.asdict(field, value_serializer=_plain) for name, field in fields.items()})
    )
    return table


def parse_field(table: Mapping[str, Any]) -> Field:
    """A field as StoreIndex.to_json writes it."""
    low = -math.inf if table["low"] is None else table["low"]
    high = math.inf if table["high"] is None else table["high"]
    return Field(**{**table, "low": low, "high": high, "labels": tuple(table["labels"]), "axes": tuple(table["axes"])})
